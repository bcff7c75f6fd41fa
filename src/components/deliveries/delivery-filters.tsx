import type { DeliveryFilter } from '../../console/operator-queries.ts';
import { DEAD_REASONS, REPORT_TYPES, STAGES } from '../../contracts/constants.ts';
import { openStatus } from '../../contracts/console-deliveries.ts';
import { FilterChips, type Chip } from '../filter-chips.tsx';
import { FilterBar, FilterSelect, FilterText } from '../filter-bar.tsx';
import { labelOf } from '../label-of.ts';
import { TimeFilter } from '../time-filter.tsx';

const options = <T extends string>(values: readonly T[]) =>
  values.map((value) => ({ value, label: labelOf(value) }));

const STATUSES = openStatus.options.map((value) => ({
  value,
  label: value === 'dead' ? 'Dead letters' : labelOf(value),
}));
const TYPES = options(REPORT_TYPES);
const STAGE_OPTIONS = options(STAGES);
const REASONS = options(DEAD_REASONS);

/** A filter by reason is one of dead letters. */
export function DeliveryFilters({
  filter,
  onChange,
  onClear,
}: {
  filter: DeliveryFilter;
  onChange: (change: Record<string, string | null | undefined>, options?: { replace?: boolean }) => void;
  onClear: (() => void) | undefined;
}) {
  const isDead = filter.status === 'dead';
  // What has no control of its own: a link of a group of failures sets it.
  const chips: Chip[] = [
    { name: 'Cause', value: filter.cause, key: 'cause' },
    { name: 'Answer', value: filter.response_status?.toString(), key: 'answer' },
    { name: 'Endpoint', value: filter.endpoint_id, key: 'endpoint' },
  ].flatMap(({ name, value, key }) =>
    value === undefined ? [] : [{ name, value, onRemove: () => onChange({ [key]: null }) }],
  );
  return (
    <>
      <FilterBar onClear={onClear}>
        <FilterSelect
          label="Status"
          any="All open"
          value={filter.status}
          options={STATUSES}
          onChange={(status) => onChange({ status, reason: null })}
        />
        <FilterSelect
          label="Report type"
          value={filter.report_type}
          options={TYPES}
          onChange={(type) => onChange({ type })}
        />
        <FilterSelect
          label="Stage"
          value={filter.stage}
          options={STAGE_OPTIONS}
          onChange={(stage) => onChange({ stage })}
        />
        <FilterSelect
          label="Reason"
          value={filter.dead_reason}
          options={REASONS}
          onChange={(reason) => onChange({ reason, status: reason === undefined ? filter.status : 'dead' })}
        />
        <TimeFilter label={isDead ? 'Died' : 'Committed'} range={filter} onChange={onChange} />
        <FilterText
          label="Error has"
          placeholder="502, timed out, …"
          value={filter.error}
          onChange={(error) => onChange({ error }, { replace: true })}
        />
      </FilterBar>
      <FilterChips chips={chips} />
    </>
  );
}

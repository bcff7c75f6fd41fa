import type { DeliveryFilter } from '../../lib/delivery-queries.ts';
import { DEAD_REASONS, REPORT_TYPES, STAGES } from '../../../contracts/constants.ts';
import { openStatus } from '../../../contracts/console-deliveries.ts';
import { FilterChips } from '../../ui/filter-chips.tsx';
import { FilterBar, FilterSelect, FilterText } from '../../ui/filter-bar.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { TimeFilter } from '../../ui/time-filter.tsx';

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
  const { status, report_type, stage, dead_reason, error, cause, response_status, endpoint_id } = filter;
  const timeName = isDead ? 'Dead since' : 'Event committed';
  const without =
    (...names: string[]) =>
    () =>
      onChange(Object.fromEntries(names.map((name) => [name, null])));
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
        <TimeFilter label={timeName} range={filter} onChange={onChange} />
        <FilterText
          label="Error contains"
          placeholder="502, timed out, …"
          value={filter.error}
          onChange={(error) => onChange({ error }, { replace: true })}
        />
      </FilterBar>
      <FilterChips
        filters={[
          {
            name: 'Status',
            value: STATUSES.find(({ value }) => value === status)?.label,
            onRemove: without('status', 'reason'),
          },
          { name: 'Report type', value: report_type && labelOf(report_type), onRemove: without('type') },
          { name: 'Stage', value: stage && labelOf(stage), onRemove: without('stage') },
          { name: 'Reason', value: dead_reason && labelOf(dead_reason), onRemove: without('reason') },
          { name: 'Error contains', value: error, onRemove: without('error') },
          // These have no control: a link of a group of failures sets them.
          { name: 'Cause', value: cause, onRemove: without('cause') },
          { name: 'Answer', value: response_status?.toString(), onRemove: without('answer') },
          { name: 'Endpoint', value: endpoint_id, onRemove: without('endpoint') },
        ]}
        time={{ name: timeName, range: filter, onRemove: without('since', 'after', 'before') }}
      />
    </>
  );
}

import { FilterChips } from '../../ui/filter-chips.tsx';
import { FilterBar, FilterSelect } from '../../ui/filter-bar.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { TimeFilter } from '../../ui/time-filter.tsx';
import { REPORT_TYPES, STAGES } from '../../../contracts/constants.ts';
import type { JobFilter } from './queries.ts';

const TYPES = REPORT_TYPES.map((value) => ({ value, label: labelOf(value) }));
const STAGE_OPTIONS = STAGES.map((value) => ({ value, label: labelOf(value) }));

export function JobFilters({
  filter,
  ownerName,
  onChange,
  onClear,
}: {
  filter: JobFilter;
  /** Whose jobs are shown, where one owner's are. */
  ownerName: string | undefined;
  onChange: (change: Record<string, string | null | undefined>, options?: { replace?: boolean }) => void;
  onClear: (() => void) | undefined;
}) {
  const isEnded = filter.state === 'failed' || filter.state === 'cancelled';
  const timeName = isEnded ? 'Ended' : 'Requested';
  const { report_type, stage, owner } = filter;
  const without =
    (...names: string[]) =>
    () =>
      onChange(Object.fromEntries(names.map((name) => [name, null])));
  return (
    <>
      <FilterBar onClear={onClear}>
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
        <TimeFilter label={timeName} range={filter} onChange={onChange} />
      </FilterBar>
      <FilterChips
        filters={[
          { name: 'Report type', value: report_type && labelOf(report_type), onRemove: without('type') },
          { name: 'Stage', value: stage && labelOf(stage), onRemove: without('stage') },
          { name: 'Owner', value: ownerName ?? owner, onRemove: without('owner') },
        ]}
        time={{ name: timeName, range: filter, onRemove: without('since', 'after', 'before') }}
      />
    </>
  );
}

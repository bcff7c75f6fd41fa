import { Button } from '../../../components/button.tsx';
import { FilterBar, FilterSelect } from '../../../components/filter-bar.tsx';
import { labelOf } from '../../../components/label-of.ts';
import { TimeFilter } from '../../../components/time-filter.tsx';
import { REPORT_TYPES, STAGES } from '../../../contracts/constants.ts';
import type { JobFilter } from './queries.ts';

const TYPES = REPORT_TYPES.map((value) => ({ value, label: labelOf(value) }));
const STAGE_OPTIONS = STAGES.map((value) => ({ value, label: labelOf(value) }));

export function JobFilters({
  filter,
  onChange,
  onClear,
}: {
  filter: JobFilter;
  onChange: (change: Record<string, string | null | undefined>, options?: { replace?: boolean }) => void;
  onClear: (() => void) | undefined;
}) {
  const isEnded = filter.state === 'failed' || filter.state === 'cancelled';
  return (
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
      <TimeFilter label={isEnded ? 'Ended' : 'Requested'} range={filter} onChange={onChange} />
      {filter.owner !== undefined && (
        <Button onClick={() => onChange({ owner: null })} title={filter.owner}>
          Of one owner ✕
        </Button>
      )}
    </FilterBar>
  );
}

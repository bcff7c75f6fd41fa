import type { AuditFilter } from '../../console/operator-queries.ts';
import { ATTEMPT_OUTCOMES, REQUEST_OUTCOMES } from '../../contracts/console-audit.ts';
import { PROBLEMS } from '../../contracts/problem.ts';
import { FilterBar, FilterSelect, FilterText } from '../filter-bar.tsx';
import { Field } from '../field.tsx';
import { labelOf } from '../label-of.ts';
import { TimeFilter } from '../time-filter.tsx';

const DIRECTIONS = [
  { value: 'out', label: 'Sent' },
  { value: 'in', label: 'Received' },
] as const;
const GROUPS = [
  { label: 'Attempts', outcomes: ATTEMPT_OUTCOMES },
  { label: 'Requests', outcomes: REQUEST_OUTCOMES },
  { label: 'Refusals', outcomes: Object.keys(PROBLEMS) },
];
const KNOWN = new Set<string>(GROUPS.flatMap(({ outcomes }) => [...outcomes]));
const STATUSES = [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 502, 503, 504];

export function AuditFilters({
  filter,
  onChange,
  onClear,
}: {
  filter: AuditFilter;
  onChange: (change: Record<string, string | null | undefined>, options?: { replace?: boolean }) => void;
  onClear: (() => void) | undefined;
}) {
  const status = filter.response_status?.toString();
  return (
    <FilterBar onClear={onClear}>
      <FilterText
        label="Report, job or event id"
        placeholder="The whole id"
        value={filter.search}
        onChange={(search) => onChange({ search }, { replace: true })}
      />
      <FilterSelect
        label="Direction"
        value={filter.direction}
        options={DIRECTIONS}
        onChange={(direction) => onChange({ direction })}
      />
      <Field label="Outcome">
        {(control) => (
          <select
            {...control}
            value={filter.outcome ?? ''}
            onChange={(event) => onChange({ outcome: event.target.value })}
          >
            <option value="">Any</option>
            {filter.outcome !== undefined && !KNOWN.has(filter.outcome) && (
              <option value={filter.outcome}>{filter.outcome}</option>
            )}
            {GROUPS.map(({ label, outcomes }) => (
              <optgroup key={label} label={label}>
                {outcomes.map((outcome) => (
                  <option key={outcome} value={outcome}>
                    {labelOf(outcome)}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        )}
      </Field>
      <Field label="Answer">
        {(control) => (
          <select
            {...control}
            value={status ?? ''}
            onChange={(event) => onChange({ answer: event.target.value })}
          >
            <option value="">Any</option>
            <option value="none">No answer</option>
            {[...new Set([...STATUSES.map(String), ...(status && status !== 'none' ? [status] : [])])].map(
              (code) => (
                <option key={code} value={code}>
                  {code}
                </option>
              ),
            )}
          </select>
        )}
      </Field>
      <TimeFilter label="When" range={filter} onChange={onChange} />
    </FilterBar>
  );
}

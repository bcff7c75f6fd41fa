import { fromLocalInput, SINCE, toLocalInput, type Since, type TimeRange } from '../console/time-range.ts';
import { FilterSelect } from './filter-bar.tsx';
import { Field } from './field.tsx';

const OPTIONS = [
  ...Object.entries(SINCE).map(([value, { label }]) => ({ value: value as Since, label })),
  { value: 'between' as const, label: 'Between…' },
];

/** The last hour (day, week), or two times. `label` names what happened then. */
export function TimeFilter({
  label,
  range,
  onChange,
}: {
  label: string;
  range: TimeRange;
  onChange: (range: { [K in keyof TimeRange]: string | null }) => void;
}) {
  const isBetween = range.since === undefined && (range.after !== undefined || range.before !== undefined);
  return (
    <>
      <FilterSelect
        label={label}
        value={isBetween ? 'between' : range.since}
        any="Any time"
        options={OPTIONS}
        onChange={(value) => {
          if (value !== 'between') onChange({ since: value ?? null, after: null, before: null });
          else onChange({ since: null, after: new Date(startOfToday()).toISOString(), before: null });
        }}
      />
      {isBetween && (
        <>
          <LocalTime
            label="From"
            value={range.after}
            onChange={(after) => onChange({ ...without(range), after })}
          />
          <LocalTime
            label="To"
            value={range.before}
            onChange={(before) => onChange({ ...without(range), before })}
          />
        </>
      )}
    </>
  );
}

function startOfToday(): number {
  return new Date().setHours(0, 0, 0, 0);
}

function without({ after, before }: TimeRange) {
  return { since: null, after: after ?? null, before: before ?? null };
}

function LocalTime({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string | undefined;
  onChange: (iso: string | null) => void;
}) {
  return (
    <Field label={label}>
      {(control) => (
        <input
          {...control}
          type="datetime-local"
          value={toLocalInput(value)}
          onChange={(event) => onChange(fromLocalInput(event.target.value) ?? null)}
        />
      )}
    </Field>
  );
}

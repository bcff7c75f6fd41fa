import { useState } from 'react';
import { fromLocalInput, SINCE, toLocalInput, type Since, type TimeRange } from '../lib/time-range.ts';
import { useZone, zoneName, type Zone } from '../lib/times.ts';
import { FilterSelect } from './filter-bar.tsx';
import { Field } from './field.tsx';

const OPTIONS = [
  ...Object.entries(SINCE).map(([value, { label }]) => ({ value: value as Since, label })),
  { value: 'between' as const, label: 'Between…' },
];
/** Typing a year passes through those of antiquity; beyond four digits ISO 8601 is written otherwise. */
const EARLIEST = '1970-01-01T00:00';
const LATEST = '9999-12-31T23:59';

/** The last hour (day, week), or two times. `label` names what happened then. */
export function TimeFilter({
  label,
  range: { since, after, before },
  onChange,
}: {
  label: string;
  range: TimeRange;
  onChange: (range: { [K in keyof TimeRange]: string | null }, options?: { replace?: boolean }) => void;
}) {
  const zone = useZone();
  const chosen = since ?? (after === undefined && before === undefined ? undefined : 'between');
  return (
    <>
      <FilterSelect
        label={label}
        value={chosen}
        any="Any time"
        options={OPTIONS}
        onChange={(value) => {
          const from = value === 'between' ? startOfToday(zone) : null;
          onChange({ since: value ?? null, after: from, before: null });
        }}
      />
      {chosen === 'between' && (
        <>
          <LocalTime
            label="From"
            value={after}
            onChange={(iso) => onChange({ since: 'between', after: iso }, { replace: true })}
          />
          <LocalTime
            label="To"
            value={before}
            onChange={(iso) => onChange({ since: 'between', before: iso }, { replace: true })}
          />
        </>
      )}
    </>
  );
}

function startOfToday(zone: Zone): string {
  const now = new Date();
  if (zone === 'utc') now.setUTCHours(0, 0, 0, 0);
  else now.setHours(0, 0, 0, 0);
  return now.toISOString();
}

/** Takes effect when it is left, or with Enter, once it is a whole time or empty. `value` is what is in effect. */
function LocalTime({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string | undefined;
  onChange: (iso: string | null) => void;
}) {
  const zone = useZone();
  // Null: nothing is typed that is not in effect.
  const [draft, setDraft] = useState<string | null>(null);
  const [isWrong, setWrong] = useState(false);
  function commit(input: HTMLInputElement): void {
    setWrong(!input.validity.valid);
    if (draft === null || !input.validity.valid) return;
    onChange(fromLocalInput(draft, zone) ?? null);
    setDraft(null);
  }
  return (
    <Field label={label} hint={zoneName(zone)} error={isWrong ? 'The time is incomplete.' : undefined}>
      {(control) => (
        <input
          {...control}
          type="datetime-local"
          min={EARLIEST}
          max={LATEST}
          value={draft ?? toLocalInput(value, zone)}
          onChange={(event) => setDraft(event.target.value)}
          onBlur={(event) => commit(event.target)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') commit(event.currentTarget);
          }}
        />
      )}
    </Field>
  );
}

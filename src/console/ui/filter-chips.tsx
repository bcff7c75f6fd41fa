import { SINCE, type TimeRange } from '../lib/time-range.ts';
import { formatTime, useZone, zoneName, type Zone } from '../lib/times.ts';
import styles from './filter-chips.module.css';

interface Chip {
  name: string;
  value: string;
  onRemove: () => void;
}

/** A filter in words; undefined: it is not in effect. */
interface Filter {
  name: string;
  value: string | undefined;
  onRemove: () => void;
}

/** The filters that are in effect, in words. A press removes one. `time`: that by when something happened. */
export function FilterChips({
  filters,
  time,
}: {
  filters: readonly Filter[];
  time?: { name: string; range: TimeRange; onRemove: () => void };
}) {
  const zone = useZone();
  const all =
    time === undefined ? filters : [...filters, { ...time, value: describeRange(time.range, zone) }];
  const chips = all.flatMap(({ value, ...rest }): Chip[] =>
    value === undefined ? [] : [{ ...rest, value }],
  );
  if (chips.length === 0) return null;
  return (
    <ul className={styles['chips']} aria-label="Filters in effect">
      {chips.map(({ name, value, onRemove }) => (
        <li key={name}>
          <button type="button" className={styles['chip']} onClick={onRemove}>
            <span className="visually-hidden">Remove the filter </span>
            <span className="muted">{name}</span>
            <span className={`${styles['value'] ?? ''} foreign`}>{value}</span>
            <span aria-hidden>✕</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function describeRange({ since, after, before }: TimeRange, zone: Zone): string | undefined {
  if (since !== undefined && since !== 'between') return SINCE[since].label.toLowerCase();
  const from = after === undefined ? '' : `from ${formatTime(new Date(after), 'minute', zone)}`;
  const to = before === undefined ? '' : `to ${formatTime(new Date(before), 'minute', zone)}`;
  return from === '' && to === '' ? undefined : `${[from, to].filter(Boolean).join(' ')} (${zoneName(zone)})`;
}

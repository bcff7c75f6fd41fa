import styles from './filter-chips.module.css';

export interface Chip {
  name: string;
  value: string;
  onRemove: () => void;
}

/** The filters that are in effect. A press removes one. */
export function FilterChips({ chips }: { chips: readonly Chip[] }) {
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

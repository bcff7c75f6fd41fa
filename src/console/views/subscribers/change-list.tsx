import type { SettingChange } from './words.ts';
import styles from './subscribers.module.css';

/** Difference, each with both values: struck through and underlined, so that no colour is needed. */
export function ChangeList({ changes }: { changes: readonly SettingChange[] }) {
  if (changes.length === 0) return null;
  return (
    <dl className={styles['changes']}>
      {changes.map(({ name, before, after }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="foreign">
            <del>{before}</del> <span aria-hidden>→</span> <ins>{after}</ins>
          </dd>
        </div>
      ))}
    </dl>
  );
}

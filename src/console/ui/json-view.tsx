import styles from './json-view.module.css';
import { showJson } from '../lib/show-json.ts';

/** A stored value, as text. */
export function JsonView({ label, value }: { label: string; value: unknown }) {
  return (
    <section className={styles['json']} aria-label={label}>
      <h3 className={styles['title']}>{label}</h3>
      {value === null || value === undefined ? (
        <p className={styles['nothing']}>nothing stored</p>
      ) : (
        <pre className={styles['text']} tabIndex={0}>
          {showJson(value)}
        </pre>
      )}
    </section>
  );
}

import { useState, type ReactNode } from 'react';
import { Field } from '../../ui/field.tsx';
import styles from './subscribers.module.css';

const COUNTS = [10, 20, 50, 100] as const;

/** On how many of the last events something is tried. `children`: what else is chosen. */
export function LastEvents({
  start,
  button,
  children,
}: {
  start: (limit: number) => void;
  button: (limit: number) => ReactNode;
  children?: ReactNode;
}) {
  const [limit, setLimit] = useState<number>(20);
  return (
    <form
      className={`${styles['tryOut'] ?? ''} no-print`}
      onSubmit={(event) => {
        event.preventDefault();
        start(limit);
      }}
    >
      {children}
      <Field label="Events">
        {(control) => (
          <select {...control} value={limit} onChange={(event) => setLimit(Number(event.target.value))}>
            {COUNTS.map((count) => (
              <option key={count} value={count}>
                the last {count}
              </option>
            ))}
          </select>
        )}
      </Field>
      {button(limit)}
    </form>
  );
}

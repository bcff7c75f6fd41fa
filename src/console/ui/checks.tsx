import { labelOf } from '../lib/label-of.ts';
import styles from './checks.module.css';

/** Several of a few. */
export function Checks({
  legend,
  values,
  chosen,
  error,
  nameOf = labelOf,
  onChange,
}: {
  legend: string;
  values: readonly string[];
  chosen: readonly string[];
  error?: string | undefined;
  nameOf?: (value: string) => string;
  onChange: (chosen: string[]) => void;
}) {
  return (
    <fieldset className={styles['checks']}>
      <legend>{legend}</legend>
      {values.map((value) => (
        <label key={value} className={styles['check']}>
          <input
            type="checkbox"
            checked={chosen.includes(value)}
            onChange={(event) =>
              onChange(event.target.checked ? [...chosen, value] : chosen.filter((each) => each !== value))
            }
          />
          {nameOf(value)}
        </label>
      ))}
      {error !== undefined && <p className={styles['error']}>{error}</p>}
    </fieldset>
  );
}

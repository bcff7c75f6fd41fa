import { useId } from 'react';
import styles from './choice.module.css';

/** One of a few, all in view. */
export function Choice<T extends string>({
  legend,
  value,
  options,
  onChange,
  isLegendHidden = false,
}: {
  legend: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
  isLegendHidden?: boolean;
}) {
  const name = useId();
  return (
    <fieldset className={styles['choice']}>
      <legend className={isLegendHidden ? 'visually-hidden' : styles['legend']}>{legend}</legend>
      <div className={styles['options']}>
        {options.map((option) => (
          <label key={option.value} className={styles['option']}>
            <input
              type="radio"
              className={styles['input']}
              name={name}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

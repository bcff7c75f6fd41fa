import { useEffect, useEffectEvent, useState, type ReactNode } from 'react';
import { Button } from './button.tsx';
import { Field } from './field.tsx';
import styles from './filter-bar.module.css';

const TYPING_MS = 350;

/** A view's filters, in a row; `onClear` is there while one is set. */
export function FilterBar({ onClear, children }: { onClear: (() => void) | undefined; children: ReactNode }) {
  return (
    <search className={styles['bar']} aria-label="Filters">
      {children}
      <Button className={styles['clear'] ?? ''} disabled={onClear === undefined} onClick={onClear}>
        Clear filters
      </Button>
    </search>
  );
}

export function FilterSelect<T extends string>({
  label,
  value,
  any = 'Any',
  options,
  onChange,
}: {
  label: string;
  value: T | undefined;
  /** What it is called when nothing is chosen. */
  any?: string;
  options: readonly { value: T; label: string }[];
  onChange: (value: T | undefined) => void;
}) {
  return (
    <Field label={label}>
      {(control) => (
        <select
          {...control}
          value={value ?? ''}
          onChange={(event) => onChange(options.find((option) => option.value === event.target.value)?.value)}
        >
          <option value="">{any}</option>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Takes effect when the typing rests, or the input is left. `value` is what is in effect. */
export function FilterText({
  label,
  value,
  placeholder,
  onChange,
}: {
  label: string;
  value: string | undefined;
  placeholder: string;
  onChange: (value: string) => void;
}) {
  // Null: nothing is typed that is not in effect.
  const [draft, setDraft] = useState<string | null>(null);
  function commit(): void {
    if (draft === null) return;
    onChange(draft);
    setDraft(null);
  }
  const commitRested = useEffectEvent(commit);
  useEffect(() => {
    if (draft === null) return;
    const timer = setTimeout(() => commitRested(), TYPING_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  return (
    <Field label={label}>
      {(control) => (
        <input
          {...control}
          type="search"
          maxLength={200}
          spellCheck={false}
          autoComplete="off"
          placeholder={placeholder}
          value={draft ?? value ?? ''}
          onChange={(event) => setDraft(event.target.value)}
          // What is pressed next, to clear the filters say, must come after it.
          onBlur={commit}
        />
      )}
    </Field>
  );
}

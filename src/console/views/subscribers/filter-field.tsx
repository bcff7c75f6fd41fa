import { useMutation } from '@tanstack/react-query';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { ErrorState } from '../../ui/states.tsx';
import type { Filter } from '../../../contracts/filters.ts';
import { testFilter } from '../../../services/subscribers.ts';
import { useSession } from '../../lib/session.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { FilterResults } from './filter-results.tsx';
import { readFilter } from './settings-form-state.ts';
import styles from './subscribers.module.css';

const EXAMPLE = '{"exact": {"metadata.region": "eu"}}';
/** So many of the last events a filter is tried on. */
const TESTED = 20;

/** A filter as JSON, checked with each letter, and tried on the last events before it is saved. */
export function FilterField({
  value,
  error,
  onChange,
}: {
  value: string;
  /** What was wrong when it was handed in; what is typed says it already. */
  error: string | undefined;
  onChange: (value: string) => void;
}) {
  const { supabase } = useSession();
  const read = readFilter(value);
  const test = useMutation({
    mutationFn: (filter: Filter) => unwrap(testFilter(supabase, { filter, limit: TESTED })),
  });
  return (
    <div className={styles['filter']}>
      <Field
        label="Filter"
        isOptional
        error={read.ok ? error : read.error}
        hint={
          <>
            JSON with <code>exact</code>, <code>prefix</code>, <code>suffix</code>, <code>exists</code>,{' '}
            <code>any</code>, <code>all</code>, <code>not</code> over <code>type</code>,{' '}
            <code>report_type</code>, <code>stage</code>, <code>status</code>, <code>channel</code> and{' '}
            <code>metadata.…</code>. Such as <code>{EXAMPLE}</code>
          </>
        }
      >
        {(control) => (
          <textarea
            {...control}
            className={`${control.className} mono`}
            rows={3}
            spellCheck={false}
            value={value}
            onChange={(event) => {
              test.reset();
              onChange(event.target.value);
            }}
          />
        )}
      </Field>
      <div className={styles['buttons']}>
        <Button
          size="small"
          isBusy={test.isPending}
          disabled={!read.ok || read.filter === null}
          onClick={() => {
            if (read.ok && read.filter !== null) test.mutate(read.filter);
          }}
        >
          Test on the last {TESTED} events
        </Button>
      </div>
      {test.isError && <ErrorState error={test.error} />}
      {test.data !== undefined && <FilterResults test={test.data} />}
    </div>
  );
}

import { useMutation } from '@tanstack/react-query';
import { Button } from '../../ui/button.tsx';
import { Panel } from '../../ui/page.tsx';
import { ErrorState } from '../../ui/states.tsx';
import type { Filter } from '../../../contracts/filters.ts';
import { testFilter } from '../../../services/subscribers.ts';
import { useSession } from '../../lib/session.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { FilterResults } from './filter-results.tsx';
import { LastEvents } from './last-events.tsx';
import styles from './subscribers.module.css';

/** Which of the last events the filter in force lets through, and the clause that decided. */
export function FilterTestPanel({ filter }: { filter: Filter }) {
  const { supabase } = useSession();
  const test = useMutation({
    mutationFn: (limit: number) => unwrap(testFilter(supabase, { filter, limit })),
  });
  return (
    <Panel title="Filter test">
      <div className={styles['form']}>
        <LastEvents
          start={(limit) => test.mutate(limit)}
          button={(limit) => (
            <Button type="submit" isBusy={test.isPending}>
              Test on the last {limit}
            </Button>
          )}
        />
        {test.isError && <ErrorState error={test.error} />}
        {test.data !== undefined && <FilterResults test={test.data} />}
      </div>
    </Panel>
  );
}

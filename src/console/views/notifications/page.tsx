import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'raviger';
import { z } from 'zod';
import { Button } from '../../ui/button.tsx';
import { Choice } from '../../ui/choice.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { MoreButton } from '../../ui/more-button.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { reportHref } from '../../lib/links.ts';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { explain } from '../../lib/errors.ts';
import { notificationsQuery } from '../../lib/report-queries.ts';
import { useSession } from '../../lib/session.ts';
import { notify } from '../../lib/toasts.ts';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { useSearch } from '../../lib/use-search.ts';
import { markNotificationRead, markNotificationsRead } from '../../../services/notifications.ts';
import styles from './notifications.module.css';

const filters = z.object({ show: z.enum(['unread', 'all']).catch('all') });
const SHOWN = [
  { value: 'all', label: 'All' },
  { value: 'unread', label: 'Unread' },
] as const;

function tellError(error: Error): void {
  const { title, advice } = explain(error);
  notify({ kind: 'error', title, text: advice });
}

export function Notifications() {
  const { supabase } = useSession();
  const client = useQueryClient();
  const [{ show }, change] = useSearch(filters);
  const list = useInfiniteQuery(notificationsQuery(supabase, show === 'unread'));
  const rows = list.data?.pages.flatMap((page) => page.rows) ?? [];
  const keys = useRowKeys(rows.map(({ id }) => String(id)));
  const mark = useMutation({
    mutationFn: async (id: number) => {
      const answer = markNotificationRead(supabase, id);
      // It was marked as read in another tab.
      if ((await answer).error?.code !== 'not_found') await unwrap(answer);
    },
    onError: tellError,
    onSettled: () => client.invalidateQueries({ queryKey: ['notifications'] }),
  });
  const markAll = useMutation({
    mutationFn: () => unwrap(markNotificationsRead(supabase)),
    onError: tellError,
    onSettled: () => client.invalidateQueries({ queryKey: ['notifications'] }),
  });
  const unread = list.data?.pages[0]?.unread ?? 0;
  return (
    <Page title="Notifications" lead="You are notified when a final report is ready.">
      <Panel
        title="Newest first"
        isFlush
        actions={
          <>
            {unread > 0 && (
              <Button size="small" isBusy={markAll.isPending} onClick={() => markAll.mutate()}>
                Mark all as read
              </Button>
            )}
            <Choice
              legend="Show"
              isLegendHidden
              value={show}
              options={SHOWN}
              onChange={(value) => change({ show: value === 'all' ? null : value })}
            />
          </>
        }
      >
        {list.isPending && <LoadingState />}
        {list.isError && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
        {list.isSuccess && rows.length === 0 && (
          <EmptyState title={show === 'unread' ? 'All read' : 'No notification yet'}>
            You get one with each final report.
          </EmptyState>
        )}
        <ul className={styles['list']} {...keys.list}>
          {rows.map(({ id, report_type, report_id, created_at, read_at, title }) => (
            <li key={id} className={styles['item']} {...keys.row(String(id))}>
              <span className={styles['mark']} data-unread={read_at === null} aria-hidden />
              <span className={styles['words']}>
                <Link className="clamped" dir="auto" href={reportHref({ report_type, report_id })}>
                  {title ?? 'Untitled, or deleted'}
                </Link>
                <span className="muted">
                  {read_at === null && <strong>Unread: </strong>}
                  final {labelOf(report_type)} report, ready <RelativeTime value={created_at} />
                </span>
              </span>
              {read_at === null && (
                <Button
                  size="small"
                  isBusy={mark.isPending && mark.variables === id}
                  aria-label={`Mark as read: ${title ?? labelOf(report_type)}`}
                  onClick={() => mark.mutate(id)}
                >
                  Mark as read
                </Button>
              )}
            </li>
          ))}
        </ul>
        <MoreButton query={list} />
      </Panel>
    </Page>
  );
}

import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { myReportsQuery } from '../../lib/report-queries.ts';
import { useSession } from '../../lib/session.ts';
import { labelOf } from '../../lib/label-of.ts';
import { Panel } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import { reportHref } from '../../lib/links.ts';
import styles from './new-report.module.css';

const SHOWN = 12;

/** The person's newest reports. */
export function RecentReports() {
  const { supabase } = useSession();
  const reports = useInfiniteQuery(myReportsQuery(supabase, undefined));
  const rows = reports.data?.pages[0]?.rows.slice(0, SHOWN) ?? [];
  return (
    <Panel title="My newest reports" isFlush>
      {reports.isPending && <LoadingState />}
      {reports.isError && <ErrorState error={reports.error} onRetry={() => void reports.refetch()} />}
      {reports.isSuccess && rows.length === 0 && (
        <EmptyState title="No report yet">Your new reports show here.</EmptyState>
      )}
      <ul className={styles['recent']}>
        {rows.map(({ id, report_type, title, stage, research_status, created_at }) => (
          <li key={id}>
            <Link href={reportHref({ report_type, report_id: id })} className={styles['recentLink']}>
              <span className={styles['recentTitle']} dir="auto">
                {title ?? 'Untitled'}
              </span>
              <span className={styles['recentMeta']}>
                <span>
                  {labelOf(report_type)}
                  {stage !== null && ` · ${stage}`} · <RelativeTime value={created_at} />
                </span>
                <StatusBadge status={research_status} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

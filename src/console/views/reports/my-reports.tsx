import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { z } from 'zod';
import { Choice } from '../../ui/choice.tsx';
import { ExportButtons } from '../../ui/export-buttons.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { MoreButton } from '../../ui/more-button.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { JobList } from '../../ui/job-list.tsx';
import { reportHref } from '../../lib/links.ts';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import { myReportsQuery } from '../../lib/report-queries.ts';
import { myJobsQuery } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { useSearch } from '../../lib/use-search.ts';
import { REPORT_TYPES } from '../../../contracts/constants.ts';
import { listReports } from '../../../services/reports.ts';
import { reportType } from '../../../contracts/webhooks.ts';

const filters = z.object({ type: reportType.optional().catch(undefined) });
const TYPES = [
  { value: 'all', label: 'All' },
  ...REPORT_TYPES.map((type) => ({ value: type, label: labelOf(type) })),
] as const;

export function MyReports() {
  return (
    <Page title="My reports" lead="Your reports and their jobs.">
      <Reports />
      <Jobs />
    </Page>
  );
}

function Reports() {
  const { supabase } = useSession();
  const [{ type }, change] = useSearch(filters);
  const reports = useInfiniteQuery(myReportsQuery(supabase, type));
  const rows = reports.data?.pages.flatMap((page) => page.rows) ?? [];
  const keys = useRowKeys(rows.map(({ id }) => id));
  return (
    <Panel
      title="Reports"
      isFlush
      actions={
        <>
          <Choice
            legend="Report type"
            isLegendHidden
            value={type ?? 'all'}
            options={TYPES}
            onChange={(value) => change({ type: value === 'all' ? null : value })}
          />
          {rows.length > 0 && (
            <ExportButtons
              name="my-reports"
              list={() => (request) =>
                listReports(supabase, { scope: 'mine', report_type: type, ...request })
              }
            />
          )}
        </>
      }
    >
      {reports.isPending && <LoadingState />}
      {reports.isError && <ErrorState error={reports.error} onRetry={() => void reports.refetch()} />}
      {reports.isSuccess && rows.length === 0 && (
        <EmptyState title={type === undefined ? 'No report yet' : `No ${type} report`}>
          <Link href="/debug">Create one</Link>
        </EmptyState>
      )}
      {rows.length > 0 && (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Report</th>
              <th scope="col" className="wide-only">
                Type
              </th>
              <th scope="col">Research</th>
              <th scope="col" className="wide-only">
                Stage
              </th>
              <th scope="col">Delivery</th>
              <th scope="col" className="wide-only">
                Created
              </th>
            </tr>
          </thead>
          <tbody {...keys.list}>
            {rows.map((report) => (
              <tr key={report.id} {...keys.row(report.id)}>
                <td className="foreign">
                  <Link
                    className="clamped"
                    dir="auto"
                    href={reportHref({ report_type: report.report_type, report_id: report.id })}
                  >
                    {report.title ?? 'Untitled'}
                  </Link>
                  <div className="narrow-only muted">
                    {labelOf(report.report_type)}
                    {report.stage !== null && ` · ${report.stage}`} ·{' '}
                    <RelativeTime value={report.created_at} />
                  </div>
                </td>
                <td className="wide-only">{labelOf(report.report_type)}</td>
                <td>
                  <StatusBadge status={report.research_status} />
                </td>
                <td className="wide-only">{report.stage ?? <span className="muted">none</span>}</td>
                <td>
                  {report.webhook_job_id === null ? (
                    <span className="muted">none</span>
                  ) : (
                    <StatusBadge status={report.webhook_status ?? 'pending'} />
                  )}
                </td>
                <td className="wide-only nowrap">
                  <RelativeTime value={report.created_at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <MoreButton query={reports} />
    </Panel>
  );
}

function Jobs() {
  const { supabase } = useSession();
  const jobs = useQuery(myJobsQuery(supabase));
  return (
    <Panel title="Newest jobs">
      {jobs.isPending && <LoadingState />}
      {jobs.isError && <ErrorState error={jobs.error} onRetry={() => void jobs.refetch()} />}
      {jobs.isSuccess && jobs.data.rows.length === 0 && <EmptyState title="No job yet" />}
      {jobs.isSuccess && <JobList jobs={jobs.data.rows} isMine hasLinks />}
    </Panel>
  );
}

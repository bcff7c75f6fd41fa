import { useQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { useState } from 'react';
import { traceHref } from '../../lib/links.ts';
import { CopyLink } from '../../ui/copy-link.tsx';
import { CopyableId } from '../../ui/copyable-id.tsx';
import { Fact, Facts } from '../../ui/facts.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { Page, Panel } from '../../ui/page.tsx';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { StartJob } from './start-job.tsx';
import { ErrorState, LoadingState } from '../../ui/states.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import type { ReportHistory } from '../../../contracts/console-report-history.ts';
import type { ReportRef } from '../../../contracts/console-reports.ts';
import { useSession } from '../../lib/session.ts';
import { HistoryTimeline } from './history-timeline.tsx';
import { promptOfNavigation } from './prompt.ts';
import { reportHistoryQuery } from './queries.ts';
import { ReportActions } from './report-actions.tsx';
import { ReportReceivers } from './report-receivers.tsx';
import styles from './report.module.css';
import { Result } from './result.tsx';
import { useReportRecord } from './use-report-record.ts';
import { VerdictBox } from '../../ui/verdict-box.tsx';
import { verdictOfReport } from './verdict.ts';

/** Why a report is as it is: a verdict, what can be done, and one timeline over all its jobs, events and attempts. */
export function OperatorReport({ report }: { report: ReportRef }) {
  const { supabase, user } = useSession();
  const [isPaused, setPaused] = useState(false);
  const [initialPrompt] = useState(promptOfNavigation);
  const query = useQuery(reportHistoryQuery(supabase, report, isPaused));
  const history = query.data;
  const found = history?.report ?? null;
  return (
    <Page
      title={found?.title ?? `${labelOf(report.report_type)} report`}
      lead={<Lead report={report} found={found} />}
      actions={
        <div className={`${styles['buttons'] ?? ''} no-print`}>
          <Link href={traceHref(report.report_id)}>Trace</Link>
          <Link href={`/audit?${new URLSearchParams({ search: report.report_id }).toString()}`}>Audit</Link>
          <CopyLink />
          <RefreshBar
            query={query}
            readAt={history === undefined ? undefined : query.dataUpdatedAt}
            isPaused={isPaused}
            onPausedChange={setPaused}
          />
        </div>
      }
    >
      {query.isPending && <LoadingState label="Loading the report" rows={10} />}
      {query.isError && (
        <ErrorState
          error={query.error}
          onRetry={() => void query.refetch()}
          isRefresh={history !== undefined}
        />
      )}
      {history !== undefined && (
        <>
          <VerdictBox {...verdictOfReport(history)}>
            <ReportActions history={history} />
          </VerdictBox>
          <div className={styles['columns']}>
            <HistoryTimeline history={history} />
            <div className={styles['stack']}>
              <Panel title="The report">
                <ReportFacts report={report} history={history} />
              </Panel>
              <ReportReceivers history={history} />
            </div>
          </div>
          {found !== null && (
            <>
              {found.user_id === user.id ? (
                <div className="no-print">
                  <Panel title="Start a job">
                    <StartJob
                      report={report}
                      initialPrompt={initialPrompt}
                      hasFinal={found.stage === 'final'}
                    />
                  </Panel>
                </div>
              ) : (
                <p className={`${styles['note'] ?? ''} muted no-print`}>
                  Only the owner can start jobs for this report.
                </p>
              )}
              <Text report={report} winner={found.winner_event_id} title={found.title} />
            </>
          )}
        </>
      )}
    </Page>
  );
}

function Lead({ report, found }: { report: ReportRef; found: ReportHistory['report'] }) {
  if (found === null) return `${labelOf(report.report_type)} report`;
  const { user_id, owner_email, organisation, title } = found;
  return (
    <span className="foreign">
      {labelOf(report.report_type)} report of{' '}
      <Link href={`/reports?owner=${user_id}`}>{owner_email ?? user_id}</Link>
      {organisation !== null && organisation !== title && `, ${organisation}`}
    </span>
  );
}

function ReportFacts({
  report,
  history: { report: found, jobs },
}: {
  report: ReportRef;
  history: ReportHistory;
}) {
  return (
    <Facts>
      <Fact name="Report">
        <CopyableId id={report.report_id} what="report id" />
      </Fact>
      {found !== null && (
        <>
          <Fact name="Owner">
            <Link href={`/reports?owner=${found.user_id}`}>{found.owner_email ?? found.user_id}</Link>
          </Fact>
          <Fact name="Organisation">{found.organisation}</Fact>
          <Fact name="Stage">{found.stage ?? 'no text yet'}</Fact>
          <Fact name="Research">
            <StatusBadge status={found.research_status} />
          </Fact>
          <Fact name="Created">
            <RelativeTime value={found.created_at} />
          </Fact>
          <Fact name="Last change">
            <RelativeTime value={found.updated_at} />
          </Fact>
        </>
      )}
      <Fact name="Jobs">{jobs.length === 0 ? 'none' : null}</Fact>
      {jobs.map((job) => (
        <Fact key={job.job_id} name={`${labelOf(job.stage ?? 'a')} job`}>
          <CopyableId id={job.job_id} what="job id" isShort /> {job.state}{' '}
          <Link href={traceHref(job.job_id)} aria-label={`Trace of job ${job.job_id}`}>
            trace
          </Link>
        </Fact>
      ))}
    </Facts>
  );
}

function Text({ report, winner, title }: { report: ReportRef; winner: string | null; title: string | null }) {
  const record = useReportRecord(report, winner);
  if (record.isPending) return <LoadingState label="Loading the text" rows={6} />;
  if (record.data === undefined) {
    return <ErrorState error={record.error} onRetry={() => void record.refetch()} />;
  }
  return <Result report={report} record={record.data} title={title} />;
}

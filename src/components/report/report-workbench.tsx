import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import {
  isUnfinished,
  reportJobsQuery,
  reportKey,
  reportQuery,
  webhookStatusQuery,
} from '../../console/report-queries.ts';
import { useSession } from '../../console/session.ts';
import type { ReportRef } from '../../contracts/console-reports.ts';
import { CopyableId } from '../copyable-id.tsx';
import { labelOf } from '../label-of.ts';
import { Panel } from '../page.tsx';
import { ErrorState, LoadingState } from '../states.tsx';
import { JobList } from './job-list.tsx';
import { ReportFacts } from './report-facts.tsx';
import { Results } from './results.tsx';
import { StartJob } from './start-job.tsx';
import { useMarkRead } from './use-mark-read.ts';
import styles from './report.module.css';

/** One report: how it stands, its jobs, its results. Everything on it refreshes by itself. */
export function ReportWorkbench({
  report,
  initialPrompt,
}: {
  report: ReportRef;
  initialPrompt: string | undefined;
}) {
  const { supabase, user } = useSession();
  const client = useQueryClient();
  const record = useQuery(reportQuery(supabase, report));
  const jobs = useQuery(reportJobsQuery(supabase, report));
  const rows = jobs.data?.rows ?? [];
  const webhook = useQuery(webhookStatusQuery(supabase, report, rows.some(isUnfinished)));
  const winner = webhook.data?.winner_event_id ?? null;
  const isKnownWinner = record.data?.winner_event_id === winner;

  useEffect(() => {
    // The report's content has changed since it was read.
    if (isKnownWinner) return;
    void client.invalidateQueries({ queryKey: [...reportKey(report), 'record'] });
    void client.invalidateQueries({ queryKey: ['my-reports'] });
  }, [client, report, isKnownWinner]);

  const jobStates = rows.map(({ job_id, status }) => `${job_id} ${status}`).join();
  useEffect(() => {
    // With a job's end its delivery begins.
    void client.invalidateQueries({ queryKey: [...reportKey(report), 'webhook'] });
  }, [client, report, jobStates]);

  const isMine = record.data?.user_id === user.id;
  useMarkRead(report, isMine);

  if (record.isPending) return <LoadingState label="Loading the report" rows={10} />;
  // Once it was read it stays, and with it what was typed.
  if (record.data === undefined) {
    return <ErrorState error={record.error} onRetry={() => void record.refetch()} />;
  }
  return (
    <div className={styles['workbench']}>
      {record.isError && <ErrorState error={record.error} onRetry={() => void record.refetch()} isRefresh />}
      <Panel
        title={`${labelOf(report.report_type)} report`}
        actions={<CopyableId id={report.report_id} what="report id" />}
      >
        {webhook.isError && (
          <ErrorState error={webhook.error} onRetry={() => void webhook.refetch()} isRefresh />
        )}
        <ReportFacts record={record.data} webhook={webhook.data} />
        <details className={styles['more']}>
          <summary>Intake</summary>
          <pre className={styles['json']} tabIndex={0} dir="auto">
            {JSON.stringify(record.data.user_data, null, 2)}
          </pre>
        </details>
      </Panel>
      <Panel title="Jobs">
        {isMine ? (
          <StartJob
            report={report}
            initialPrompt={initialPrompt}
            hasFinal={webhook.data?.stage === 'final'}
          />
        ) : (
          <p className="muted">Only the owner starts jobs for a report.</p>
        )}
        {jobs.isError && <ErrorState error={jobs.error} onRetry={() => void jobs.refetch()} />}
        {rows.length > 0 && (
          <div className={styles['below']}>
            <JobList jobs={rows} isMine={isMine} />
          </div>
        )}
      </Panel>
      <Results report={report} record={record.data} version={winner ?? 'none'} />
    </div>
  );
}

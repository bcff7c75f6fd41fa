import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { CopyLink } from '../../ui/copy-link.tsx';
import { CopyableId } from '../../ui/copyable-id.tsx';
import { ExactTime } from '../../ui/exact-time.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { Page, Panel } from '../../ui/page.tsx';
import { JobList } from '../../ui/job-list.tsx';
import { StartJob } from './start-job.tsx';
import { ErrorState, LoadingState } from '../../ui/states.tsx';
import type { ReportRef } from '../../../contracts/console-reports.ts';
import { isUnfinished } from '../../lib/report-queries.ts';
import { reportJobsQuery, reportKey, webhookStatusQuery } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import styles from './report.module.css';
import { verdictForOwner } from './owner-verdict.ts';
import { promptOfNavigation } from './prompt.ts';
import { Result } from './result.tsx';
import { useMarkRead } from './use-mark-read.ts';
import { useReportRecord } from './use-report-record.ts';
import { VerdictBox } from '../../ui/verdict-box.tsx';

/** A report for its owner: how it stands, its text, and its jobs. Everything on it refreshes by itself. */
export function OwnerReport({ report }: { report: ReportRef }) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const [initialPrompt] = useState(promptOfNavigation);
  const jobs = useQuery(reportJobsQuery(supabase, report));
  const rows = jobs.data?.rows ?? [];
  const status = useQuery(webhookStatusQuery(supabase, report, rows.some(isUnfinished)));
  const record = useReportRecord(report, status.data?.winner_event_id);
  useMarkRead(report, record.data?.winner_event_id);
  const jobStates = rows.map(({ job_id, status }) => `${job_id} ${status}`).join();
  useEffect(() => {
    // With a job's end its result is stored.
    void client.invalidateQueries({ queryKey: [...reportKey(report), 'webhook'] });
  }, [client, report, jobStates]);

  const name = `${labelOf(report.report_type)} report`;
  // Once it was read it stays, and with it what was typed.
  if (record.data === undefined) {
    return (
      <Page title={name}>
        {record.isError ? (
          <ErrorState error={record.error} onRetry={() => void record.refetch()} />
        ) : (
          <LoadingState label="Loading the report" rows={10} />
        )}
      </Page>
    );
  }
  const { data } = record;
  const title = status.data?.title ?? null;
  const verdict = verdictForOwner(data, rows);
  return (
    <Page
      title={title ?? name}
      lead={
        <>
          {name}, created <ExactTime value={data.created_at} />
        </>
      }
      actions={<CopyLink />}
    >
      {record.isError && <ErrorState error={record.error} onRetry={() => void record.refetch()} isRefresh />}
      {status.isError && <ErrorState error={status.error} onRetry={() => void status.refetch()} isRefresh />}
      {jobs.isSuccess && (
        <div className="no-print">
          <VerdictBox tone={verdict.tone} sentences={[[verdict.text]]} />
        </div>
      )}
      <Result report={report} record={data} title={title} />
      <div className="no-print">
        <Panel title="Jobs">
          <StartJob report={report} initialPrompt={initialPrompt} hasFinal={data.stage === 'final'} />
          {jobs.isError && <ErrorState error={jobs.error} onRetry={() => void jobs.refetch()} />}
          {rows.length > 0 && (
            <div className={styles['below']}>
              <JobList jobs={rows} isMine />
            </div>
          )}
        </Panel>
      </div>
      <details className={`${styles['more'] ?? ''} no-print`}>
        <summary>Intake</summary>
        <div>
          <pre className={styles['json']} tabIndex={0} dir="auto">
            {JSON.stringify(data.user_data, null, 2)}
          </pre>
          <CopyableId id={report.report_id} what="report id" />
        </div>
      </details>
    </Page>
  );
}

import { Link } from 'raviger';
import { traceHref, reportHref } from '../../lib/links.ts';
import { CopyableId } from '../../ui/copyable-id.tsx';
import { plural } from '../../lib/format.ts';
import { hasNotEnded } from '../../lib/job-actions.ts';
import { labelOf } from '../../lib/label-of.ts';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import type { OperatorJob } from '../../../contracts/console-jobs.ts';
import type { RowKeys } from '../../ui/use-row-keys.ts';
import { JobActions } from '../../ui/job-actions.tsx';
import { RunTime } from './run-time.tsx';
import styles from './jobs.module.css';

export function JobRow({ job, row }: { job: OperatorJob; row: RowKeys }) {
  return (
    <tr role="row" {...row}>
      <td role="cell" className={styles['state']}>
        <StatusBadge status={job.state} />
      </td>
      <td role="cell" className={styles['report']}>
        <Subject job={job} />
        <CopyableId id={job.job_id} what="job id" isShort />
        <Link
          className={styles['trace']}
          href={traceHref(job.job_id)}
          aria-label={`Trace of job ${job.job_id}`}
        >
          trace
        </Link>
      </td>
      <td role="cell" className={styles['times']}>
        <span className="nowrap">
          <RelativeTime value={job.created_at} />
        </span>
        <RunTime job={job} />
      </td>
      <td role="cell" className={styles['runner']}>
        <Runner job={job} />
      </td>
      <td role="cell" className={`${styles['outcome'] ?? ''} foreign`}>
        <Outcome job={job} />
      </td>
      <td role="cell" className={styles['actions']}>
        <JobActions job={job} />
      </td>
    </tr>
  );
}

function Subject({
  job: { report_type, report_id, stage, title, user_id, owner_email },
}: {
  job: OperatorJob;
}) {
  const owner = owner_email ?? user_id;
  return (
    <>
      {report_type !== null && report_id !== null ? (
        <>
          <Link className="clamped" dir="auto" href={reportHref({ report_type, report_id })}>
            {title ?? 'Untitled, or deleted'}
          </Link>
          <span className="muted">
            {labelOf(report_type)}, {stage}
          </span>
        </>
      ) : (
        <span>Without a report</span>
      )}
      {owner !== null && user_id !== null && (
        <Link className={`${styles['owner'] ?? ''} foreign`} href={`/jobs?owner=${user_id}`}>
          {owner}
        </Link>
      )}
    </>
  );
}

/** Who generates, and until when that is believed. */
function Runner({ job }: { job: OperatorJob }) {
  const { state, caller, generate, lease_token, lease_expires_at, deadline, take_overs } = job;
  const isUnfinished = hasNotEnded(job);
  return (
    <>
      <span>
        {generate
          ? caller === 'platform' && lease_token === 1
            ? 'a function of the platform'
            : `runner ${lease_token}`
          : 'the pipeline'}
      </span>
      {isUnfinished && lease_expires_at !== null && (
        <span className="muted">
          lease {state === 'overdue' ? 'ended' : 'ends'} <RelativeTime value={lease_expires_at} />
        </span>
      )}
      {isUnfinished && !generate && (
        <span className="muted">
          given up <RelativeTime value={deadline} />
        </span>
      )}
      {take_overs > 0 && <span className={styles['takenOver']}>taken over {plural(take_overs, 'time')}</span>}
    </>
  );
}

function Outcome({ job: { state, percent, eta_seconds, error } }: { job: OperatorJob }) {
  switch (state) {
    case 'running':
      return (
        <span className="numeric">
          {percent ?? 0} %{eta_seconds !== null && `, about ${eta_seconds} s left`}
        </span>
      );
    case 'overdue':
      return <span className="muted">The next sweep takes the job over or ends it, within a minute.</span>;
    case 'waiting':
      return <span className="muted">The pipeline sends the result.</span>;
    case 'failed':
      return <span className={styles['error']}>{error ?? 'The error was erased.'}</span>;
    case 'cancelled':
      return <span className="muted">The result was discarded.</span>;
    case 'succeeded':
      return <span className="muted">The result is stored.</span>;
  }
}

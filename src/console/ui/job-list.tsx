import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'raviger';
import { isUnfinished } from '../lib/report-queries.ts';
import { useSession } from '../lib/session.ts';
import { notify } from '../lib/toasts.ts';
import { useRowKeys } from './use-row-keys.ts';
import { explain } from '../lib/errors.ts';
import { cancelJob } from '../lib/job-actions.ts';
import type { JobSummary } from '../../contracts/console-reports.ts';
import { Button } from './button.tsx';
import { CopyableId } from './copyable-id.tsx';
import { labelOf } from '../lib/label-of.ts';
import { RelativeTime } from './relative-time.tsx';
import { StatusBadge } from './status-badge.tsx';
import { JobProgress } from './job-progress.tsx';
import { reportHref } from '../lib/links.ts';
import styles from './job-list.module.css';

/** Jobs, newest first; those that run show how far they are. Owners cancel theirs. `hasLinks`: each leads to its report. */
export function JobList({
  jobs,
  isMine,
  hasLinks = false,
}: {
  jobs: readonly JobSummary[];
  isMine: boolean;
  hasLinks?: boolean;
}) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const keys = useRowKeys(jobs.map(({ job_id }) => job_id));
  const cancel = useMutation({
    mutationFn: (jobId: string) => cancelJob.run(supabase, jobId),
    onSuccess: (told) => {
      notify(told);
      return client.invalidateQueries();
    },
    onError: (error) => {
      const { title, advice } = explain(error);
      notify({ kind: 'error', title, text: advice });
    },
  });
  return (
    <ul className={styles['jobs']} {...keys.list}>
      {jobs.map((job) => (
        <li key={job.job_id} className={styles['job']} {...keys.row(job.job_id)}>
          <div className={styles['jobHead']}>
            <StatusBadge status={job.status} />
            <strong>{labelOf(job.stage ?? 'unknown stage')}</strong>
            {hasLinks && job.report_type !== null && job.report_id !== null && (
              <Link href={reportHref({ report_type: job.report_type, report_id: job.report_id })}>
                {labelOf(job.report_type)} report
              </Link>
            )}
            <span className="muted">
              <RelativeTime value={job.created_at} />
            </span>
            <CopyableId id={job.job_id} what="job id" />
            {isMine && isUnfinished(job) && (
              <Button
                size="small"
                look="danger"
                isBusy={cancel.isPending && cancel.variables === job.job_id}
                onClick={() => cancel.mutate(job.job_id)}
              >
                Cancel job
              </Button>
            )}
          </div>
          {isUnfinished(job) && <JobProgress job={job} />}
          {job.error !== null && <p className={`${styles['jobError'] ?? ''} foreign`}>{job.error}</p>}
        </li>
      ))}
    </ul>
  );
}

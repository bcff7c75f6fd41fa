import type { OperatorJob } from '../../contracts/console-jobs.ts';
import type { DatabaseClient } from '../../services/database.ts';
import { cancelReportJob, repeatReportJob } from '../../services/report-jobs.ts';
import type { Toast } from './toasts.ts';
import { unwrap } from './unwrap.ts';

/** What can be done with a job, the question before it, and what is told after it. */
export interface JobAction {
  words: { title: string; text: string; button: string; look: 'danger' | 'primary' };
  run: (client: DatabaseClient, jobId: string) => Promise<Omit<Toast, 'id'>>;
}

export function hasNotEnded({ state }: Pick<OperatorJob, 'state'>): boolean {
  return state === 'running' || state === 'overdue' || state === 'waiting';
}

export const cancelJob: JobAction = {
  words: {
    title: 'Cancel this job?',
    text: 'The runner stops within seconds, and the result is discarded. The report keeps its text.',
    button: 'Cancel the job',
    look: 'danger',
  },
  run: async (client, jobId) => {
    const { status } = await unwrap(cancelReportJob(client, jobId));
    return status === 'cancelled'
      ? { kind: 'success', title: 'The job is cancelled' }
      : { kind: 'info', title: `Nothing was cancelled: the job had already ${status}` };
  },
};

export const repeatJob: JobAction = {
  words: {
    title: 'Run this job again?',
    text: 'A new job with the same request starts. Its result becomes the report’s content, unless the report has a newer one.',
    button: 'Run again',
    look: 'primary',
  },
  run: async (client, jobId) => {
    const { job_id } = await unwrap(repeatReportJob(client, jobId));
    return { kind: 'success', title: 'A new job has started', text: job_id };
  },
};

import { toStorable, type Json } from '../../contracts/text.ts';
import {
  GenerationFailed,
  type Generate,
  type Generated,
  type GenerationRequest,
} from '../generation/generate.ts';
import type { Log } from '../observe/log.ts';
import { notifyReportCompletion } from '../deliver/notify-report-completion.ts';
import { type Notifier } from '../deliver/send-delivery.ts';
import { completeJobPatiently, type JobOutcome } from './complete-job.ts';
import type { JobRun } from './job-run.ts';
import { reportProgress } from './progress.ts';

export type Runner = Notifier & {
  log: Log;
  generate: Generate;
  maxRetries: number;
  jobLeaseSeconds: number;
  /** The models that jobs may choose, the default first. */
  models: string[];
  /** Time limit of a generation, well below that of the function. */
  jobDeadlineSeconds: number;
  deliveryLeaseSeconds: number;
};

/**
 * Runs a job that this process holds under a lease: generates, commits the result, sends it. Errors are only logged: a sweep
 * recovers the job or the delivery.
 */
export async function runJob(runner: Runner, run: JobRun): Promise<void> {
  try {
    const outcome = await generateOutcome(runner, run);
    if (outcome === null) {
      runner.log('info', 'the lease of the job is lost', about(run));
      return;
    }
    const { outcome: completed, delivery } = await completeJobPatiently(
      runner,
      run.job_id,
      run.lease_token,
      outcome,
    );
    if (delivery !== null) await notifyReportCompletion(runner, delivery, runner.maxRetries);
    else if (completed === 'completed') {
      if (run.report_type !== null) runner.log('info', 'circuit open: applied directly', about(run));
    } else runner.log('info', 'result rejected', { ...about(run), outcome: completed });
  } catch (error) {
    runner.log('error', 'job failed here; the sweep will retry it', { ...about(run), error });
  }
}

/** The ids of a log line. */
function about({ job_id, trace_id }: JobRun) {
  return { job: job_id, trace: trace_id };
}

/** Null: the job was cancelled, deleted or taken over, so its result is discarded. */
async function generateOutcome(runner: Runner, run: JobRun): Promise<JobOutcome | null> {
  const lost = new AbortController();
  const deadline = AbortSignal.timeout(runner.jobDeadlineSeconds * 1000);
  const progress = reportProgress(runner, run, () => {
    lost.abort();
  });
  try {
    const generated = await runner.generate(requestOf(run), {
      signal: AbortSignal.any([lost.signal, deadline]),
      onProgress: progress.update,
    });
    return lost.signal.aborted ? null : storable(generated, subjectOf(run));
  } catch (error) {
    if (lost.signal.aborted) return null;
    runner.log('error', 'generation failed', { ...about(run), error });
    return { status: 'failed', error: explain(error, deadline, runner, subjectOf(run)) };
  } finally {
    progress.stop();
  }
}

function requestOf(run: JobRun): GenerationRequest {
  const { report_type, stage, model, temperature } = run;
  const asked = { prompt: run.prompt ?? '', model, temperature, maxTokens: run.max_tokens };
  if (report_type === null || stage === null) return { ...asked, reportType: null, stage: null };
  return {
    ...asked,
    reportType: report_type,
    stage,
    userData: run.user_data,
    previousReport: run.previous_report,
    summary: run.summary,
  };
}

function subjectOf({ report_type }: JobRun): 'report' | 'result' {
  return report_type === null ? 'result' : 'report';
}

/** The error message for the job's owner. Only our own texts are shown; others stay in the log. */
function explain(
  error: unknown,
  deadline: AbortSignal,
  { jobDeadlineSeconds }: Runner,
  subject: string,
): string {
  if (deadline.aborted) return `The ${subject} was not ready after ${jobDeadlineSeconds} seconds.`;
  return error instanceof GenerationFailed ? error.message : `The ${subject} could not be generated.`;
}

/** Removes characters that PostgreSQL cannot hold. An empty text is a failure. */
function storable({ text, metadata, finalData }: Generated, subject: string): JobOutcome {
  const research_report = toStorable(text);
  const research_metadata = storableText(metadata);
  if (research_report.trim() === '') {
    return { status: 'failed', error: `The generated ${subject} was empty.`, research_metadata };
  }
  return {
    status: 'completed',
    research_report,
    research_metadata,
    final_data: finalData === null ? undefined : storableText(finalData),
  };
}

function storableText(object: Record<string, Json>): string {
  return JSON.stringify(object, (_key, value: unknown) =>
    typeof value === 'string' ? toStorable(value) : value,
  );
}

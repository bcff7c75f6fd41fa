import { describe, expect, it } from 'vitest';
import { verdictForOwner } from '../../src/console/views/report/owner-verdict.ts';
import { verdictOfReport } from '../../src/console/views/report/verdict.ts';
import type { EventSummary } from '../../src/contracts/console-audit.ts';
import type { OpenDelivery } from '../../src/contracts/console-deliveries.ts';
import type { HistoryJob, ReportHistory } from '../../src/contracts/console-report-history.ts';
import type { JobSummary } from '../../src/contracts/console-reports.ts';
import { cpuMsOf, MOST_CPU_MS } from '../support/cpu-ms.ts';

const NOW = '2026-11-25T12:00:00Z';
const REPORT_ID = '00000000-0000-4000-8000-000000000001';
/** This many minutes ago; in the future if negative. */
const at = (minutes: number) => new Date(Date.parse(NOW) - minutes * 60_000).toISOString();

const report = (change: Partial<NonNullable<ReportHistory['report']>> = {}) => ({
  id: REPORT_ID,
  report_type: 'org' as const,
  title: 'Harbour',
  organisation: 'Harbour',
  user_id: REPORT_ID,
  owner_email: 'ada@example.com',
  stage: null,
  research_status: 'pending' as const,
  created_at: at(60),
  updated_at: at(60),
  winner_event_id: null,
  job: null,
  delivery: null,
  ...change,
});
const final = report({ stage: 'final', winner_event_id: 'evt' });

const job = (change: Partial<HistoryJob> = {}): HistoryJob => ({
  id: 'job',
  job_id: 'job',
  report_type: 'org',
  report_id: REPORT_ID,
  user_id: REPORT_ID,
  stage: 'final',
  status: 'running',
  state: 'running',
  percent: 40,
  eta_seconds: null,
  error: null,
  event_id: null,
  take_overs: 0,
  caller: 'pipeline',
  created_at: at(10),
  started_at: at(9),
  completed_at: null,
  generate: true,
  model: null,
  lease_token: 1,
  lease_expires_at: at(-1),
  deadline: at(-600),
  can_repeat: false,
  ...change,
});
const succeeded = job({ status: 'succeeded', state: 'succeeded', completed_at: at(8) });
const failed = job({
  status: 'failed',
  state: 'failed',
  completed_at: at(8),
  error: 'No model answered.',
});

const event = (change: Partial<EventSummary> = {}): EventSummary => ({
  id: 'evt',
  type: 'report.final.completed',
  report_type: 'org',
  report_id: REPORT_ID,
  stage: 'final',
  status: 'completed',
  job_id: 'job',
  requested_at: at(10),
  digest: 'digest',
  error: null,
  channel: 'webhook',
  effect: 'applied',
  applied_at: at(8),
  created_at: at(8),
  position: 1,
  erased_at: null,
  ...change,
});

const delivery = (change: Partial<OpenDelivery> = {}): OpenDelivery => ({
  id: '1',
  event_id: 'evt',
  job_id: 'job',
  report_type: 'org',
  report_id: REPORT_ID,
  endpoint_id: 'final-report',
  stage: 'final',
  status: 'failed',
  attempts: 4,
  created_at: at(8),
  last_attempt: at(1),
  next_attempt: at(-2),
  dead_at: null,
  dead_reason: null,
  error: 'answered 502',
  response_status: 502,
  response_excerpt: null,
  channel: 'direct',
  effect: 'applied',
  ...change,
});
const delivered = delivery({ status: 'success', attempts: 1, last_attempt: at(8), next_attempt: null });
const dead = delivery({ next_attempt: null, dead_at: at(30), dead_reason: 'attempts_exhausted' });

const circuits = [{ endpoint_id: 'final-report', opened_at: at(3), probe_after: at(-0.5) }];

function say(change: Partial<ReportHistory>): string {
  const { tone, sentences } = verdictOfReport({
    as_of: NOW,
    report: report(),
    jobs: [],
    events: [],
    deliveries: [],
    steps: [],
    truncated: false,
    circuits: [],
    last_sweep: at(0.5),
    ...change,
  });
  const text = sentences.map((parts) =>
    parts
      .map((part) => {
        if (typeof part === 'string') return part;
        const minutes = (Date.parse(NOW) - Date.parse(part.at)) / 60_000;
        return minutes < 0 ? `in ${-minutes}m` : `${minutes}m ago`;
      })
      .join(''),
  );
  return `${tone}: ${text.join(' ')}`;
}

const CASES: [string, Partial<ReportHistory>, string][] = [
  [
    'nothing was requested',
    {},
    'warn: No result: no job was ever requested for this report. Its owner can start one.',
  ],
  [
    'the report was deleted',
    { report: null, events: [event({ type: 'report.deleted' })] },
    'idle: This report was deleted 8m ago. Its history stays.',
  ],
  [
    'the report was deleted, and that event is not among the newest',
    { report: null, jobs: [succeeded] },
    'idle: This report was deleted. Its history stays.',
  ],
  // Jobs.
  [
    'a job has not reported progress',
    { jobs: [job({ started_at: null })] },
    'idle: No result: the final job was requested 10m ago and has not reported progress yet.',
  ],
  ['a job runs', { jobs: [job()] }, 'idle: No result: the final job is running (40 %); it started 9m ago.'],
  [
    'a job waits for the pipeline',
    { jobs: [job({ state: 'waiting', generate: false, lease_expires_at: null })] },
    'idle: No result: the final job waits for the pipeline to send the result; the deadline is in 600m.',
  ],
  [
    'the pipeline sent nothing in time',
    { jobs: [job({ state: 'overdue', generate: false, lease_expires_at: null, deadline: at(1) })] },
    'bad: No result: the pipeline did not send the result in time; the next sweep ends the final job.',
  ],
  [
    'the runner died',
    { jobs: [job({ state: 'overdue', lease_expires_at: at(1) })] },
    'bad: No result: the runner of the final job died; its lease ended 1m ago; the next sweep takes it over.',
  ],
  [
    'the runner died at once, and no sweep comes',
    {
      jobs: [job({ state: 'overdue', started_at: null, lease_expires_at: at(20) })],
      last_sweep: at(15),
    },
    'bad: No result: the runner of the final job died before it reported progress; its lease ended 20m ago; the next sweep takes it over. The last sweep ran 15m ago: the cron does not call the sweep.',
  ],
  [
    'no sweep ever came',
    { jobs: [job({ state: 'overdue', lease_expires_at: null })], last_sweep: null },
    'bad: No result: the runner of the final job died; the next sweep takes it over. No sweep has run yet: the cron does not call the sweep.',
  ],
  ['the job failed', { jobs: [failed] }, 'bad: No result: the final job failed 8m ago: No model answered.'],
  [
    'the job failed, and why was erased',
    { jobs: [{ ...failed, error: null }] },
    'bad: No result: the final job failed 8m ago: its error was erased.',
  ],
  [
    'the job failed, and its message was delivered',
    {
      jobs: [failed],
      events: [event({ type: 'report.final.failed', status: 'failed' })],
      deliveries: [delivered],
    },
    'bad: No result: the final job failed 8m ago: No model answered.',
  ],
  [
    'the job failed, and its message was not delivered',
    {
      jobs: [failed],
      events: [event({ type: 'report.final.failed', status: 'failed' })],
      deliveries: [delivery()],
    },
    'bad: No result: the final job failed 8m ago: No model answered. The delivery of that failure failed 4 times with 502; next attempt in 2m.',
  ],
  [
    'the job was cancelled',
    { jobs: [job({ state: 'cancelled', status: 'cancelled', completed_at: at(2) })] },
    'warn: No result: the final job was cancelled 2m ago.',
  ],
  [
    'the job succeeded, and the delivery has not applied its result',
    {
      jobs: [succeeded],
      events: [event({ effect: null, channel: null, applied_at: null })],
      deliveries: [delivery({ status: 'pending', attempts: 0, next_attempt: null, effect: null })],
    },
    'warn: No result: the final job succeeded 8m ago, and its result is not in the report yet. Its delivery is pending.',
  ],
  [
    'no request explains an empty report',
    { events: [event({ effect: 'superseded' })] },
    'warn: The report has no text, and no request explains it.',
  ],
  // Results and their deliveries.
  [
    'all is well',
    { report: final, jobs: [succeeded], events: [event()], deliveries: [delivered] },
    'good: The final result is stored. Its delivery succeeded 8m ago.',
  ],
  [
    'the delivery failed',
    { report: final, jobs: [succeeded], events: [event({ channel: 'direct' })], deliveries: [delivery()] },
    'warn: The final result is stored, by direct update. Its delivery failed 4 times with 502; next attempt in 2m.',
  ],
  [
    'no answer came, and the attempt is due',
    {
      report: final,
      events: [event()],
      deliveries: [
        delivery({ attempts: 1, response_status: null, error: 'connection refused', next_attempt: at(0.1) }),
      ],
    },
    'warn: The final result is stored. Its delivery failed 1 time (connection refused); the next sweep sends it.',
  ],
  [
    'the delivery failed, and no sweep comes',
    { report: final, events: [event()], deliveries: [delivery()], last_sweep: at(15) },
    'bad: The final result is stored. Its delivery failed 4 times with 502; next attempt in 2m. The last sweep ran 15m ago: the cron does not call the sweep.',
  ],
  [
    'the outcome is unknown',
    { report: final, events: [event()], deliveries: [delivery({ status: 'sent' })] },
    'warn: The final result is stored. Its delivery was attempted 1m ago, and the outcome is unknown; next attempt in 2m.',
  ],
  [
    'somebody retries it',
    { report: final, events: [event()], deliveries: [delivery({ status: 'retrying' })] },
    'warn: The final result is stored. Its delivery is being retried now.',
  ],
  [
    'the circuit is open',
    {
      report: final,
      events: [event()],
      deliveries: [delivery({ status: 'pending', attempts: 0 })],
      circuits,
    },
    'bad: The final result is stored. Its delivery waits: the circuit of final-report opened 3m ago; the next probe is in 0.5m.',
  ],
  [
    'the circuit is open after failures, and a probe is due',
    {
      report: final,
      events: [event()],
      deliveries: [delivery()],
      circuits: circuits.map((each) => ({ ...each, probe_after: at(0.5) })),
    },
    'bad: The final result is stored. Its delivery failed 4 times with 502, and waits: the circuit of final-report opened 3m ago; the next delivery probes it.',
  ],
  [
    'the circuit of another endpoint is open',
    {
      report: final,
      events: [event()],
      deliveries: [delivery()],
      circuits: circuits.map((each) => ({ ...each, endpoint_id: 'prelim-report' })),
    },
    'warn: The final result is stored. Its delivery failed 4 times with 502; next attempt in 2m.',
  ],
  [
    'the circuit is open, and this was delivered before',
    { report: final, events: [event()], deliveries: [delivered], circuits },
    'good: The final result is stored. Its delivery succeeded 8m ago.',
  ],
  [
    'a dead letter',
    { report: final, events: [event()], deliveries: [dead] },
    'bad: The final result is stored. Its delivery became a dead letter 30m ago: it failed 4 times with 502; fix the cause, then redrive.',
  ],
  [
    'a closed dead letter',
    { report: final, events: [event()], deliveries: [{ ...dead, dead_reason: 'unsendable' }] },
    'good: The final result is stored. Its delivery was closed: unsendable.',
  ],
  [
    'given up at the import',
    {
      jobs: [succeeded],
      events: [event({ effect: null })],
      deliveries: [{ ...dead, dead_reason: 'import' }],
    },
    'bad: No result: the final job succeeded 8m ago, and its result is not in the report yet. Its delivery failed for good at the import: request the report again.',
  ],
  [
    'several deliveries are not confirmed',
    {
      report: final,
      events: [event(), event({ id: 'older', stage: 'prelim', effect: 'superseded' })],
      deliveries: [delivered, { ...dead, event_id: 'older', stage: 'prelim' }, delivery({ id: '0' })],
    },
    'bad: The final result is stored. The delivery of a superseded result became a dead letter 30m ago: it failed 4 times with 502; fix the cause, then redrive. 1 more delivery is not confirmed.',
  ],
  [
    'the delivery of the prelim failed, and the final is there',
    {
      report: final,
      events: [event(), event({ id: 'prelim', stage: 'prelim' })],
      deliveries: [delivered, delivery({ event_id: 'prelim', stage: 'prelim' })],
    },
    'warn: The final result is stored. The delivery of the prelim result failed 4 times with 502; next attempt in 2m.',
  ],
  // A result, and a later request.
  [
    'the final job failed, and the prelim is there',
    {
      report: report({ stage: 'prelim', winner_event_id: 'evt' }),
      jobs: [failed],
      events: [event({ stage: 'prelim' })],
    },
    'bad: The prelim result is stored. The final job failed 8m ago: No model answered.',
  ],
  [
    'a later job was cancelled',
    { report: final, jobs: [job({ state: 'cancelled', status: 'cancelled' })], events: [event()] },
    'good: The final result is stored. The final job was cancelled.',
  ],
  // Other writers.
  [
    'its owner wrote it',
    { report: final, events: [event({ channel: 'owner', type: 'report.owner.edited' })] },
    'good: The final text is stored, as its owner wrote it.',
  ],
  [
    'the platform wrote it',
    { report: final, events: [event({ channel: 'platform' })] },
    'good: The final text is stored, as the platform’s own servers wrote it.',
  ],
  [
    'it was erased',
    { report: final, events: [event({ erased_at: at(5) })] },
    'idle: The final text was erased 5m ago.',
  ],
];

describe('the verdict on a report', () => {
  it.each(CASES)('where %s', (_name, history, verdict) => {
    expect(say(history)).toBe(verdict);
  });
});

const summary = (change: Partial<JobSummary> = {}): JobSummary => ({ ...job(), ...change });
const OWNERS: [string, Parameters<typeof verdictForOwner>[0], JobSummary[], string][] = [
  [
    'nothing was requested',
    { stage: null, research_report: null },
    [],
    'idle: Nothing has been written yet: start a job below.',
  ],
  [
    'the first job runs',
    { stage: null, research_report: null },
    [summary()],
    'idle: Your report is being written; this usually takes a few seconds to a few minutes.',
  ],
  [
    'the job failed',
    { stage: null, research_report: null },
    [summary({ status: 'failed', error: 'No model answered.' })],
    'bad: Your report could not be written: No model answered. You can start it again.',
  ],
  [
    'the job failed without a reason',
    { stage: null, research_report: null },
    [summary({ status: 'failed' })],
    'bad: Your report could not be written. You can start it again.',
  ],
  [
    'the job was cancelled',
    { stage: null, research_report: null },
    [summary({ status: 'cancelled' })],
    'warn: The job was cancelled before your report was written. You can start it again.',
  ],
  [
    'the text is on its way',
    { stage: null, research_report: null },
    [summary({ status: 'succeeded' })],
    'idle: Your report is written and will be here in a moment.',
  ],
  [
    'the prelim is there',
    { stage: 'prelim', research_report: 'x' },
    [summary({ status: 'succeeded' })],
    'good: Your preliminary report is here.',
  ],
  ['the owner wrote it', { stage: 'final', research_report: 'x' }, [], 'good: Your final report is here.'],
  [
    'the final is being written',
    { stage: 'prelim', research_report: 'x' },
    [summary()],
    'idle: Your preliminary report is here. A final version is being written.',
  ],
  [
    'the final failed',
    { stage: 'prelim', research_report: 'x' },
    [summary({ status: 'failed', error: 'No model answered' })],
    'warn: Your preliminary report is here. A final version could not be written: No model answered.',
  ],
  [
    'the text was erased',
    { stage: 'final', research_report: null },
    [summary({ status: 'succeeded' })],
    'idle: The text of this report was erased.',
  ],
];

describe('the verdict for an owner', () => {
  it.each(OWNERS)('where %s', (_name, record, jobs, verdict) => {
    const { tone, text } = verdictForOwner(record, jobs);
    expect(`${tone}: ${text}`).toBe(verdict);
  });
});

it('takes no longer for an error with a long run of dots in its middle', async () => {
  const error = `${'.'.repeat(100_000)}x`;
  expect(await cpuMsOf(() => expect(say({ jobs: [{ ...failed, error }] })).toContain('..x'))).toBeLessThan(
    MOST_CPU_MS,
  );
});

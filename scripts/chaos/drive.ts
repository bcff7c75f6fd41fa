import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { jobAccepted } from '../../src/contracts/jobs.ts';
import type { Stage } from '../../src/contracts/webhooks.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { createRandom, type Random } from './random.ts';
import type { ChaosSystem } from './system.ts';

/** Who generates the result: our runner, the pipeline that submits it, or a sender that signs and posts it itself. */
export type Maker = 'runner' | 'pipeline' | 'sender';

export interface ChaosJob {
  reportId: string;
  stage: Stage;
  maker: Maker;
  jobId: string;
  /** SHA-256 of the text, where the driver made it. */
  sha256: string | null;
}

const JOBS_PER_REPORT = 4;
const CONCURRENCY = 64;
const PAUSE_MS = 150;
const CALL_TIMEOUT_MS = 15_000;
/** Long enough for every fault that there is; what is not accepted by then never will be, and the account tells so. */
const GIVE_UP_MS = 180_000;
/** How far a sender's clock may be off. */
const SKEW_MS = 4 * 60 * 1000;

/** Requests `count` jobs as the pipeline does, coming again until each is accepted, and makes the results that are its own. */
export async function driveJobs(
  system: ChaosSystem,
  options: {
    count: number;
    seed: number;
    reports: string[];
    signal: AbortSignal;
    onJob: (job: ChaosJob) => void;
  },
): Promise<void> {
  const { count, seed, reports, signal, onJob } = options;
  const plans = reports.map((reportId, index) => {
    const random = createRandom(seed, `report ${index}`);
    const jobs = Math.min(JOBS_PER_REPORT, count - index * JOBS_PER_REPORT);
    // A prelim is refused once there is a final, so that all prelims are requested before the first final.
    const prelims = random.whole(0, jobs);
    return {
      reportId,
      random,
      stages: Array.from({ length: jobs }, (_, at): Stage => (at < prelims ? 'prelim' : 'final')),
    };
  });
  async function work(): Promise<void> {
    for (let plan = plans.shift(); plan !== undefined; plan = plans.shift()) {
      signal.throwIfAborted();
      const own: Promise<void>[] = [];
      for (const stage of plan.stages) {
        const draw = plan.random.fraction();
        const maker: Maker = draw < 0.6 ? 'runner' : draw < 0.85 ? 'pipeline' : 'sender';
        const jobId = await requestJob(system, plan.random, {
          reportId: plan.reportId,
          stage,
          maker,
          signal,
        });
        const text =
          maker === 'runner'
            ? null
            : `# ${maker} ${jobId}\n\n${'Grüße, 世界. '.repeat(plan.random.whole(1, 200))}`;
        onJob({
          reportId: plan.reportId,
          stage,
          maker,
          jobId,
          sha256: text === null ? null : createHash('sha256').update(text).digest('hex'),
        });
        if (text === null) continue;
        const made =
          maker === 'pipeline'
            ? submit(system, plan.random, { jobId, text, signal })
            : post(system, plan.random, { jobId, reportId: plan.reportId, stage, text, signal });
        // Awaited below; should a request fail before that, it is the one that counts.
        made.catch(() => undefined);
        own.push(made);
      }
      await Promise.all(own);
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

/** The answer's JSON; undefined when the caller gave up. */
async function untilAnswered(
  attempt: () => Promise<Response>,
  accepted: number,
  what: string,
  signal: AbortSignal,
): Promise<unknown> {
  const deadline = Date.now() + GIVE_UP_MS;
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    try {
      const response = await attempt();
      const text = await response.text();
      if (response.status === accepted) return JSON.parse(text);
      // A gateway's or our own "come again". What we would answer for ever is a defect.
      if ([400, 401, 409, 413, 415].includes(response.status) && text.includes('"code"')) {
        throw new Refused(`${what} was answered ${response.status}: ${text}`);
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
    await sleep(PAUSE_MS);
  }
  return undefined;
}

class Refused extends Error {
  override name = 'Refused';
}

async function requestJob(
  system: ChaosSystem,
  random: Random,
  { reportId, stage, maker, signal }: { reportId: string; stage: Stage; maker: Maker; signal: AbortSignal },
): Promise<string> {
  const key = randomUUID();
  const body = {
    prompt: 'What does the team need?',
    report_type: 'org',
    report_id: reportId,
    stage,
    generate: maker === 'runner',
  };
  const answer = await untilAnswered(
    () =>
      fetch(`${random.pick(system.hosts).url}/api/reportJobsDb`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${system.secrets.pipelineApiKey}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      }),
    202,
    'a job request',
    signal,
  );
  return jobAccepted.parse(answer).job_id;
}

async function submit(
  system: ChaosSystem,
  random: Random,
  { jobId, text, signal }: { jobId: string; text: string; signal: AbortSignal },
): Promise<void> {
  await untilAnswered(
    () =>
      fetch(`${random.pick(system.hosts).url}/api/reportJobsDb?job_id=${jobId}`, {
        method: 'PATCH',
        headers: {
          authorization: `Bearer ${system.secrets.pipelineApiKey}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ status: 'succeeded', result: text }),
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      }),
    200,
    `the result of ${jobId}`,
    signal,
  );
}

/** Through the same broken network, by a clock that is minutes off, until it is answered 200. */
async function post(
  system: ChaosSystem,
  random: Random,
  {
    jobId,
    reportId,
    stage,
    text,
    signal,
  }: { jobId: string; reportId: string; stage: Stage; text: string; signal: AbortSignal },
): Promise<void> {
  const keys = parseWebhookSecret(system.secrets.webhookSecret);
  const skew = random.whole(-SKEW_MS, SKEW_MS);
  const id = `ext_${randomUUID()}`;
  await untilAnswered(
    () => {
      const now = Date.now() + skew;
      const body = Buffer.from(
        JSON.stringify({
          type: `report.${stage}.completed`,
          timestamp: new Date(now).toISOString(),
          data: {
            job_id: jobId,
            report_id: reportId,
            report_type: 'org',
            research_report: text,
            research_status: 'completed',
          },
        }),
      );
      return fetch(`${system.webhookProxy.url}/api/webhooks/${stage}-report`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...sign(keys, id, now, body) },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
    },
    200,
    `the event of ${jobId}`,
    signal,
  );
}

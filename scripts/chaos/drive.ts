import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { jobAccepted } from '../../src/contracts/jobs.ts';
import { webhookAnswer, type Stage } from '../../src/contracts/webhooks.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import type { Fate, Population } from './population.ts';
import { createRandom, type Random } from './random.ts';
import type { ChaosSystem } from './system.ts';

/** Who generates the result: our runner, the pipeline that submits it, or a sender that signs and posts it itself. */
export type Maker = 'runner' | 'pipeline' | 'sender';

export interface ChaosJob {
  fate: Fate;
  reportId: string;
  stage: Stage;
  maker: Maker;
  jobId: string;
  /** SHA-256 of the text, where the driver made it. */
  sha256: string | null;
}

export const JOBS_PER_REPORT = 4;
const JOBS_PER_DELETED_REPORT = 2;
const CONCURRENCY = 64;
const PAUSE_MS = 150;
const CALL_TIMEOUT_MS = 15_000;
/** Long enough for every fault that there is, on a busy machine too: what is not accepted by then never will be. */
const GIVE_UP_MS = 600_000;
/** How far a sender's clock may be off. */
const SKEW_MS = 4 * 60 * 1000;

interface Plan {
  fate: Fate;
  reportId: string;
  random: Random;
  stages: Stage[];
}

/**
 * Requests `count` jobs as the pipeline does, retrying until each is accepted, and makes the results that are its own. Jobs of
 * reports that are deleted meanwhile are more than these, and end where the report does.
 */
export async function driveJobs(
  system: ChaosSystem,
  options: {
    count: number;
    seed: number;
    population: Population;
    signal: AbortSignal;
    onJob: (job: ChaosJob) => void;
    /** What our functions answered, and never should. */
    faults: string[];
  },
): Promise<void> {
  const { count, seed, population, signal, onJob, faults } = options;
  const { kept, doomed, canary } = population;
  const plan = (fate: Fate, reportId: string, name: string, jobs: number): Plan => {
    const random = createRandom(seed, name);
    // A prelim is refused once there is a final, so that all prelims are requested before the first final.
    const prelims = random.whole(0, jobs);
    const stages = Array.from({ length: jobs }, (_, at): Stage => (at < prelims ? 'prelim' : 'final'));
    return { fate, reportId, random, stages };
  };
  const plans = shuffle(createRandom(seed, 'plans'), [
    ...kept.map((reportId, index) =>
      plan('kept', reportId, `report ${index}`, Math.min(JOBS_PER_REPORT, count - index * JOBS_PER_REPORT)),
    ),
    ...doomed
      .flatMap(({ reportIds }) => reportIds)
      .map((reportId, index) => plan('deleted', reportId, `deleted ${index}`, JOBS_PER_DELETED_REPORT)),
  ]);

  async function run({ fate, reportId, random, stages }: Plan): Promise<void> {
    const own: Promise<void>[] = [];
    const call: Call = { system, random, signal, faults, isDoomed: fate === 'deleted' };
    const mark = fate === 'deleted' ? ` ${canary}` : '';
    for (const stage of stages) {
      const draw = random.fraction();
      const maker: Maker = draw < 0.6 ? 'runner' : draw < 0.85 ? 'pipeline' : 'sender';
      const jobId = await requestJob(call, { reportId, stage, maker, mark });
      if (jobId === null) break;
      const text =
        maker === 'runner'
          ? null
          : `# ${maker} ${jobId}${mark}\n\n${'Grüße, 世界. '.repeat(random.whole(1, 200))}`;
      const sha256 = text === null ? null : createHash('sha256').update(text).digest('hex');
      onJob({ fate, reportId, stage, maker, jobId, sha256 });
      if (text === null) continue;
      const made =
        maker === 'pipeline'
          ? submit(call, { jobId, text })
          : post(call, { jobId, reportId, stage, text, mark });
      // Awaited below; should a request fail before that, it is the one that counts.
      made.catch(() => undefined);
      own.push(made);
    }
    await Promise.all(own);
  }
  async function work(): Promise<void> {
    for (let next = plans.shift(); next !== undefined; next = plans.shift()) {
      signal.throwIfAborted();
      await run(next);
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

function shuffle<T>(random: Random, items: T[]): T[] {
  return items
    .map((item) => ({ item, at: random.fraction() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}

/** How a call is made, and whom it is for. */
interface Call {
  system: ChaosSystem;
  random: Random;
  signal: AbortSignal;
  faults: string[];
  /** Its report is deleted at some moment: then the answer says so. */
  isDoomed: boolean;
}

/** The answer; null where the report is deleted. What does not fit the schema is some gateway's. */
async function untilAnswered<T>(
  { signal, faults, isDoomed }: Call,
  attempt: () => Promise<Response>,
  accepted: number,
  schema: z.ZodType<T>,
  what: string,
): Promise<T | null> {
  const deadline = performance.now() + GIVE_UP_MS;
  const answers = new Map<string, number>();
  const count = (answer: string) => answers.set(answer, (answers.get(answer) ?? 0) + 1);
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    try {
      const response = await attempt();
      const text = await response.text();
      count(String(response.status));
      if (response.status === accepted) return schema.parse(JSON.parse(text));
      const isOurs = text.includes('"code"') && text.length < 10_000;
      if (isOurs && response.status === 500) faults.push(`${what} was answered 500: ${text}`);
      // A function whose clock is wrong refuses a right time: the sender retries.
      const isWrongClock = response.status === 401 && text.includes('timestamp_out_of_tolerance');
      // A gateway's or our own "retry". What we would answer for ever is a defect.
      if (isOurs && !isWrongClock && [400, 401, 404, 409, 413, 415].includes(response.status)) {
        if (isDoomed && [404, 409].includes(response.status)) return null;
        throw new Refused(`${what} was answered ${response.status}: ${text}`);
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
      count(error instanceof Error ? error.name : 'no answer');
    }
    await sleep(PAUSE_MS);
  }
  const seen = [...answers].map(([answer, times]) => `${times} times ${answer}`).join(', ');
  throw new Refused(`${what} was not accepted in ${GIVE_UP_MS / 1000} s: ${seen}`);
}

class Refused extends Error {
  override name = 'Refused';
}

/** The job's id; null where the report is deleted. */
async function requestJob(
  call: Call,
  { reportId, stage, maker, mark }: { reportId: string; stage: Stage; maker: Maker; mark: string },
): Promise<string | null> {
  const key = `${randomUUID()}${mark.trim()}`;
  const body = {
    prompt: `What does the team need?${mark}`,
    report_type: 'org',
    report_id: reportId,
    stage,
    generate: maker === 'runner',
    metadata: { mark },
  };
  const answer = await untilAnswered(
    call,
    () =>
      fetch(`${call.random.pick(call.system.hosts).url}/api/reportJobsDb`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${call.system.secrets.pipelineApiKey}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      }),
    202,
    jobAccepted,
    'a job request',
  );
  return answer?.job_id ?? null;
}

async function submit(call: Call, { jobId, text }: { jobId: string; text: string }): Promise<void> {
  await untilAnswered(
    call,
    () =>
      fetch(`${call.random.pick(call.system.hosts).url}/api/reportJobsDb?job_id=${jobId}`, {
        method: 'PATCH',
        headers: {
          authorization: `Bearer ${call.system.secrets.pipelineApiKey}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ status: 'succeeded', result: text }),
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      }),
    200,
    z.object({ job_id: z.string() }),
    `the result of ${jobId}`,
  );
}

/** Through the same broken network, by a clock that is minutes off, until it is answered 200. */
async function post(
  call: Call,
  {
    jobId,
    reportId,
    stage,
    text,
    mark,
  }: { jobId: string; reportId: string; stage: Stage; text: string; mark: string },
): Promise<void> {
  const keys = parseWebhookSecret(call.system.secrets.webhookSecret);
  const skew = call.random.whole(-SKEW_MS, SKEW_MS);
  const id = `ext_${randomUUID()}`;
  await untilAnswered(
    call,
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
            research_metadata: { mark },
            final_data: { mark },
          },
        }),
      );
      return fetch(`${call.system.webhookProxy.url}/api/webhooks/${stage}-report`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...sign(keys, id, now, body) },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
    },
    200,
    webhookAnswer.pick({ outcome: true }),
    `the event of ${jobId}`,
  );
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { jobAccepted } from '../../src/contracts/jobs.ts';
import { webhookAnswer, type Stage } from '../../src/contracts/webhooks.ts';
import { LOST, problemCode } from './history/recorder.ts';
import type { Fate, Population } from './population.ts';
import { createRandom, type Random } from './random.ts';
import {
  ask,
  collectBatches,
  drawCoding,
  postEvent,
  type Batches,
  type Heard,
  type Sent,
} from './send-events.ts';
import type { ChaosSystem } from './system.ts';
import { sha256 } from '../local/sha256.ts';

/** Who generates the result: our runner, the pipeline that submits it, or a sender that signs and posts it itself. */
type Maker = 'runner' | 'pipeline' | 'sender';

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

  const batches = collectBatches(system, createRandom(seed, 'batches'));

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
      onJob({ fate, reportId, stage, maker, jobId, sha256: text === null ? null : sha256(text) });
      if (text === null) continue;
      const made =
        maker === 'pipeline'
          ? submit(call, { jobId, reportId, text })
          : post(call, { jobId, reportId, stage, text, mark }, batches);
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
  attempt: () => Promise<Heard>,
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
      const made = await attempt();
      if (made.answer === null) throw made.error;
      const { status, text } = made.answer;
      count(String(status));
      if (status === accepted) return schema.parse(JSON.parse(text));
      const isOurs = text.includes('"code"') && text.length < 10_000;
      if (isOurs && status === 500) faults.push(`${what} was answered 500: ${text}`);
      // A function whose clock is wrong refuses a right time: the sender retries.
      const isWrongClock = status === 401 && text.includes('timestamp_out_of_tolerance');
      // A gateway's or our own "retry". What we would answer for ever is a defect.
      if (isOurs && !isWrongClock && [400, 401, 404, 409, 413, 415].includes(status)) {
        if (isDoomed && [404, 409].includes(status)) return null;
        throw new Refused(`${what} was answered ${status}: ${text}`);
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

interface JobRequest {
  reportId: string;
  stage: Stage;
  generate: boolean;
  mark: string;
  key: string;
}

/** The job's id; null where the report is deleted. */
async function requestJob(
  call: Call,
  { maker, ...request }: Omit<JobRequest, 'generate' | 'key'> & { maker: Maker },
): Promise<string | null> {
  const key = `${randomUUID()}${request.mark.trim()}`;
  const attempt = () =>
    requestOnce(call.system, call.random, { ...request, generate: maker === 'runner', key });
  const answer = await untilAnswered(call, attempt, 202, jobAccepted, 'a job request');
  return answer?.job_id ?? null;
}

export async function requestOnce(
  { hosts, secrets, history }: ChaosSystem,
  random: Random,
  { reportId, stage, generate, mark, key }: JobRequest,
): Promise<Heard> {
  const heard = await ask(`${random.pick(hosts).url}/api/reportJobsDb`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${secrets.pipelineApiKey}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: JSON.stringify({
      prompt: `What does the team need?${mark}`,
      report_type: 'org',
      report_id: reportId,
      stage,
      generate,
      metadata: { mark },
    }),
  });
  const { begin, end, answer } = heard;
  const [, job] = (answer?.status === 202 && /"job_id":"([^"]+)"/.exec(answer.text)) || [];
  const told = job ?? problemCode(answer?.text, ['report_not_found', 'final_exists']);
  const seen = { call: 'request', report: reportId, key, stage, begin } as const;
  history.requests.push({ ...seen, ...(told === null ? LOST : { end, answer: told }) });
  return heard;
}

async function submit(
  call: Call,
  { jobId, reportId, text }: { jobId: string; reportId: string; text: string },
): Promise<void> {
  const { hosts, secrets, history } = call.system;
  async function attempt(): Promise<Heard> {
    const heard = await ask(`${call.random.pick(hosts).url}/api/reportJobsDb?job_id=${jobId}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${secrets.pipelineApiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ status: 'succeeded', result: text }),
    });
    const { begin, end, answer } = heard;
    const told =
      answer?.status === 200 ? 'accepted' : problemCode(answer?.text, ['job_conflict', 'report_not_found']);
    const content = { job: jobId, text: sha256(text), failed: false };
    const seen = { call: 'complete', report: reportId, ...content, begin } as const;
    history.completions.push({ ...seen, ...(told === null ? LOST : { end, answer: told }) });
    return heard;
  }
  await untilAnswered(call, attempt, 200, z.object({ job_id: z.string() }), `the result of ${jobId}`);
}

/** Through the same broken network, by a clock that is minutes off, in any way there is, until it is answered 200. */
async function post(
  call: Call,
  sent: { jobId: string; reportId: string; stage: Stage; text: string; mark: string },
  batches: Batches,
): Promise<void> {
  const skewMs = call.random.whole(-SKEW_MS, SKEW_MS);
  const { jobId: job, reportId: report, ...rest } = sent;
  const event: Sent = { ...rest, event: `ext_${randomUUID()}`, job, report, skewMs };
  const attempt = () =>
    call.random.fraction() < 0.3
      ? batches.add(event)
      : postEvent(call.system, event, drawCoding(call.random));
  await untilAnswered(call, attempt, 200, webhookAnswer.pick({ outcome: true }), `the event of ${job}`);
}

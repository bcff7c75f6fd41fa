import { describe, expect, it } from 'vitest';
import { sweepJobs } from '../../../src/server/jobs/sweep-jobs.ts';
import { takeOverJob, type TakeOverServices } from '../../../src/server/jobs/take-over.ts';

const A = 'https://a.example/reports/api/webhooks';
const B = 'https://b.example/api/webhooks';
const NEW_KEY = 'new'.repeat(12);
const OLD_KEY = 'old'.repeat(12);

function sweep(answers: Record<string, Response | Error>, change: { protectionBypass?: string } = {}) {
  const calls: { url: string; headers: Headers }[] = [];
  // Safe: the sweep calls it with an address and options alone.
  const fetch = ((url: URL, init: RequestInit) => {
    calls.push({ url: url.href, headers: new Headers(init.headers) });
    const answer = answers[url.host] ?? new Error('nothing there');
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer.clone());
  }) as typeof globalThis.fetch;
  const result = sweepJobs({
    rpc: (_name, _parameters, answer) => Promise.resolve(answer.parse(['job_1'])),
    fetch,
    log: () => undefined,
    monotonicNow: () => 0,
    cronSecrets: [NEW_KEY, OLD_KEY],
    webhookBaseUrls: [A, B],
    protectionBypass: undefined,
    ...change,
  });
  return { calls, result };
}

const takenOver = () => Response.json({ outcome: 'taken_over' });

describe('asking for take-overs', () => {
  it('goes to the take-over function beside the webhooks, with the first key', async () => {
    const { calls, result } = sweep({ 'a.example': takenOver() });
    expect(await result).toEqual({ taken_over: 1, given_up: 0, errors: [] });
    expect(calls.map(({ url }) => url)).toEqual([
      'https://a.example/reports/api/cron/take-over?job_id=job_1',
    ]);
    expect(calls[0]?.headers.get('authorization')).toBe(`Bearer ${NEW_KEY}`);
    expect(calls[0]?.headers.has('x-vercel-protection-bypass')).toBe(false);
  });

  it.each<[string, Response | Error]>([
    ['cannot be reached', new TypeError('fetch failed')],
    ['is protected', new Response('log in', { status: 401 })],
    ['redirects', new Response(null, { status: 307 })],
    ['is another application', new Response('<html>')],
  ])('goes on to the next address where one %s', async (_name, answer) => {
    const { calls, result } = sweep({ 'a.example': answer, 'b.example': takenOver() });
    expect(await result).toMatchObject({ taken_over: 1, errors: [] });
    expect(calls).toHaveLength(2);
  });

  it('names the job and what the last address said where none takes it', async () => {
    const { result } = sweep({ 'b.example': new Response('', { status: 503 }) });
    expect(await result).toEqual({
      taken_over: 0,
      given_up: 0,
      errors: ['job_1: the take-over was answered 503'],
    });
  });

  it('passes Deployment Protection where the bypass is set', async () => {
    const { calls, result } = sweep({ 'b.example': takenOver() }, { protectionBypass: 'let-us-in' });
    await result;
    expect(calls.map(({ headers }) => headers.get('x-vercel-protection-bypass'))).toEqual([
      'let-us-in',
      'let-us-in',
    ]);
  });
});

describe('a sweep of many lost jobs', () => {
  /** Lists these jobs, then those that are due when it asks again. */
  function sweepOf(lists: string[][], ask: (job: string) => Promise<Response>) {
    const limits: unknown[] = [];
    return {
      limits,
      result: sweepJobs({
        rpc: (_name, parameters, answer) => {
          limits.push(parameters);
          return Promise.resolve(answer.parse(lists[limits.length - 1]));
        },
        // Safe: the sweep calls it with an address and options alone.
        fetch: ((url: URL) => ask(url.searchParams.get('job_id') ?? '')) as typeof globalThis.fetch,
        log: () => undefined,
        monotonicNow: () => 0,
        cronSecrets: [NEW_KEY],
        webhookBaseUrls: [A],
        protectionBypass: undefined,
      }),
    };
  }
  const jobs = (count: number) => Array.from({ length: count }, (_, index) => `job_${index}`);

  it('hands 1,000 over, each once, and asks for 20 at a time', async () => {
    const asked: string[] = [];
    let open = 0;
    let most = 0;
    const { limits, result } = sweepOf([jobs(1000)], async (job) => {
      asked.push(job);
      open += 1;
      most = Math.max(most, open);
      await Promise.resolve();
      open -= 1;
      return takenOver();
    });
    expect(await result).toEqual({ taken_over: 1000, given_up: 0, errors: [] });
    expect(limits).toEqual([{ p_limit: 1000 }]);
    expect(asked.sort()).toEqual(jobs(1000).sort());
    expect(most).toBe(20);
  });

  it('calls no take-over an error that was only slow to answer', async () => {
    const slow = () => Promise.reject(new DOMException('too slow', 'TimeoutError'));
    const { result } = sweepOf([['job_taken', 'job_still_due'], ['job_still_due']], slow);
    expect(await result).toEqual({
      taken_over: 1,
      given_up: 0,
      errors: ['job_still_due: the take-over was not answered in 10 s'],
    });
  });

  it('goes on beside one whose id no request can name, and one whose report is held', async () => {
    const { result } = sweepOf([['', 'job_held', 'job_3']], (job) =>
      Promise.resolve(
        job === ''
          ? new Response('', { status: 400 })
          : job === 'job_held'
            ? Response.json({ outcome: 'held' })
            : takenOver(),
      ),
    );
    expect(await result).toEqual({
      taken_over: 1,
      given_up: 0,
      errors: [
        ': the take-over was answered 400',
        '1 jobs were left out: another transaction holds their reports. The next sweep tries again',
      ],
    });
  });

  it('names 20 failures, and counts the others', async () => {
    const { result } = sweepOf([jobs(500)], () => Promise.resolve(new Response('', { status: 503 })));
    const { errors } = await result;
    expect(errors).toHaveLength(21);
    expect(errors.at(-1)).toBe('480 more jobs were not taken over: the log names them');
  });
});

describe('the take-over function', () => {
  // Safe: who is refused reaches none of the others.
  const services = {
    cronSecrets: [NEW_KEY, OLD_KEY],
    rpc: (_name: string, _parameters: object, answer: { parse: (value: unknown) => unknown }) =>
      Promise.resolve(answer.parse({ outcome: 'not_due' })),
  } as unknown as TakeOverServices;
  const ask = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const request = new Request('https://a.example/api/cron/take-over?job_id=job_1', {
      method: 'POST',
      headers,
    });
    return (await takeOverJob(services, request)).status;
  };

  it('admits each of several keys, and no other', async () => {
    expect([await ask(NEW_KEY), await ask(OLD_KEY), await ask(`${OLD_KEY}x`)]).toEqual([200, 200, 401]);
  });
});

import { describe, expect, it } from 'vitest';
import { testClock } from '../../support/clock.ts';
import { PROBLEMS, type ProblemCode } from '../../../src/contracts/problem.ts';
import { verify } from '../../../src/server/deliver/verify.ts';
import { problem } from '../../../src/server/http/problem.ts';
import { sendPing, type PingSender } from '../../../src/server/observe/send-ping.ts';

const BASE = 'https://polaris.example/api/webhooks';
const KEYS = [Buffer.alloc(32, 1)] as const;
const NOW = Date.parse('2026-11-25T12:00:00Z');

interface Sent {
  url: string;
  headers: Headers;
  body: Uint8Array;
}

function ping(answer: Response | Error, change: Partial<PingSender> = {}) {
  const sent: Sent[] = [];
  // Safe: the sender calls it with a string and its options alone.
  const fetch = ((url: string, init: RequestInit) => {
    sent.push({ url, headers: new Headers(init.headers), body: init.body as Uint8Array });
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }) as typeof globalThis.fetch;
  const sender = {
    fetch,
    webhookKeys: KEYS,
    timeoutMs: 1000,
    ...testClock(NOW),
    protectionBypass: undefined,
    ...change,
  };
  return { sent, result: sendPing(sender, BASE) };
}

const received = () =>
  Response.json({
    outcome: 'received',
    ping_id: 'ping_1',
    function_time: '2026-11-25T12:00:01.000Z',
    database_time: '2026-11-25T12:00:02.000Z',
  });

describe('a ping', () => {
  it('is signed, goes to the ping function beside the webhooks, and tells what was answered', async () => {
    const { sent, result } = ping(received());
    expect(await result).toMatchObject({
      finding: {
        check: 'address',
        level: 'ok',
        message: 'https://polaris.example/api/ping received a signed ping in 0 ms',
      },
      received: { at: NOW, answer: { database_time: '2026-11-25T12:00:02.000Z' } },
    });
    const [request] = sent;
    expect(request?.url).toBe('https://polaris.example/api/ping');
    expect(
      verify(
        { keys: [...KEYS] as [Buffer] },
        request?.headers ?? new Headers(),
        request?.body ?? new Uint8Array(),
        NOW,
      ),
    ).toMatchObject({ ok: true });
    expect(request?.headers.has('x-vercel-protection-bypass')).toBe(false);
  });

  it('carries the protection bypass where it is set', async () => {
    const { sent, result } = ping(received(), { protectionBypass: 'let-us-in' });
    await result;
    expect(sent[0]?.headers.get('x-vercel-protection-bypass')).toBe('let-us-in');
  });
});

const lost = (code: string) =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
const html = (status: number, headers: Record<string, string> = {}) =>
  new Response('<!doctype html><title>Authentication Required</title>', {
    status,
    headers: { 'content-type': 'text/html', ...headers },
  });

describe('what a ping finds, and what it says to do', () => {
  it.each<[string, Response | Error, string, string]>([
    [
      'Deployment Protection',
      html(401),
      "answered 401 by Vercel's Deployment Protection",
      'sets VERCEL_AUTOMATION_BYPASS_SECRET, or set WEBHOOK_BASE_URL to the production domain',
    ],
    [
      'a redirect to the log-in',
      html(302, { location: 'https://vercel.com/sso-api?url=x' }),
      "by Vercel's Deployment Protection",
      'VERCEL_AUTOMATION_BYPASS_SECRET',
    ],
    [
      'a redirect',
      html(308, { location: 'https://www.polaris.example/api/ping' }),
      'redirects to www.polaris.example',
      'final address',
    ],
    ['a redirect without an address', html(308), 'redirects to another address', 'final address'],
    [
      'a firewall',
      html(403, { 'x-vercel-mitigated': 'challenge' }),
      'answered 403 by a firewall (x-vercel-mitigated)',
      'header webhook-signature pass',
    ],
    ['a limit of a firewall', html(429), 'answered 429 by a firewall', 'header webhook-signature pass'],
    ['another application', html(200), 'answered 200, but not by our function', 'address of this project'],
    [
      'JSON of another application',
      Response.json({ ok: true }),
      'answered 200, but not',
      'address of this project',
    ],
    ['nothing there', html(404), 'answered 404, but not by our function', 'address of this project'],
    ['a gateway', html(502), 'answered 502, but not by our function', 'log of the deployment'],
    [
      'an unknown host',
      lost('ENOTFOUND'),
      'could not be called: not sent: the host name is unknown (ENOTFOUND)',
      'DNS',
    ],
    ['a bad certificate', lost('CERT_HAS_EXPIRED'), 'CERT_HAS_EXPIRED', 'certificate'],
    [
      'silence',
      new DOMException('', 'TimeoutError'),
      'did not answer within 1000 ms',
      'log of the function api/ping',
    ],
  ])('%s', async (_name, answer, message, action) => {
    expect(await ping(answer).result).toEqual({
      finding: {
        check: 'address',
        level: 'failed',
        message: expect.stringMatching(
          new RegExp(`^https://polaris.example/api/ping .*${message.replace(/[().]/g, '\\$&')}`),
        ) as string,
        action: expect.stringContaining(action) as string,
      },
      status: answer instanceof Response ? answer.status : null,
    });
  });

  it('Deployment Protection that does not take the bypass', async () => {
    const { finding } = await ping(html(401), { protectionBypass: 'old' }).result;
    expect(finding.action).toContain('VERCEL_AUTOMATION_BYPASS_SECRET was not accepted');
  });

  it.each<[ProblemCode, string]>([
    ['invalid_signature', 'WEBHOOK_SECRET differs between sender and deployment'],
    ['timestamp_out_of_tolerance', 'synchronise the clock'],
    ['database_unavailable', 'does not reach the database'],
    ['misconfigured', 'each invalid environment variable'],
    ['internal_error', 'each invalid environment variable'],
    ['method_not_allowed', 'Deploy the version of this checkout'],
  ])('our own answer %s', async (code, action) => {
    const { finding } = await ping(problem(code)).result;
    expect(finding).toMatchObject({
      level: 'failed',
      message: `https://polaris.example/api/ping was answered ${PROBLEMS[code].status} ${code}`,
      action: expect.stringContaining(action) as string,
    });
  });
});

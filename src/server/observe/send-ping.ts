import { randomUUID } from 'node:crypto';
import { pingAnswer, type Finding, type PingAnswer, type PingEnvelope } from '../../contracts/health.ts';
import { problemDetails } from '../../contracts/problem.ts';
import { stopwatch, type Clock } from '../clock.ts';
import { classifyError } from '../deliver/classify-error.ts';
import { whyLost } from '../deliver/connection-words.ts';
import { bypassHeaders, siblingOf, type OwnDeployment } from '../deliver/own-deployment.ts';
import type { WebhookKeys } from '../deliver/secrets.ts';
import { sign } from '../deliver/sign.ts';
import { CallTrace } from '../http/call-trace.ts';
import { PLAIN_ANSWER, readStart } from '../http/read-start.ts';

export interface PingSender extends Clock, Pick<OwnDeployment, 'protectionBypass'> {
  fetch: typeof fetch;
  webhookKeys: WebhookKeys;
  /** How long a ping may take, in milliseconds. */
  timeoutMs: number;
}

interface Pinged {
  finding: Finding;
  /** The answer to a ping, with the middle of its round trip in milliseconds since the epoch. */
  received?: { answer: PingAnswer; at: number };
  /** Status of the answer; null: there was none. */
  status: number | null;
}

type Fault = Required<Pick<Finding, 'message' | 'action'>>;

const ANSWER_BYTES = 100_000;

/** Sends one signed ping to a deployment of ours, and interprets the answer. */
export async function sendPing(sender: PingSender, webhookBaseUrl: string): Promise<Pinged> {
  const url = siblingOf(webhookBaseUrl, '/ping');
  const started = sender.now();
  const elapsed = stopwatch(sender.monotonicNow);
  const ping: PingEnvelope = { type: 'polaris.ping', timestamp: new Date(started).toISOString() };
  const body = new TextEncoder().encode(JSON.stringify(ping));
  const trace = new CallTrace();
  let response: Response;
  try {
    response = await trace.follow(() =>
      sender.fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...PLAIN_ANSWER,
          ...sign(sender.webhookKeys, `ping_${randomUUID()}`, started, body),
          ...bypassHeaders(sender),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(sender.timeoutMs),
      }),
    );
  } catch (error) {
    return failed(url, connectionFault(error, trace, sender.timeoutMs), trace.status);
  }
  const { text, error: unread } = await readStart(response, ANSWER_BYTES);
  const json = parseJson(text);
  const answer = response.status === 200 ? pingAnswer.safeParse(json) : undefined;
  if (answer?.success === true) {
    const tookMs = elapsed();
    const message = `${url} received a signed ping in ${tookMs} ms`;
    return {
      finding: { check: 'address', level: 'ok', message },
      received: { answer: answer.data, at: started + tookMs / 2 },
      status: response.status,
    };
  }
  if (unread !== undefined) return failed(url, unreadFault(response.status, unread), response.status);
  return failed(url, faultOf(response, json, sender.protectionBypass !== undefined), response.status);
}

function failed(url: string, { message, action }: Fault, status: number | null): Pinged {
  return { finding: { check: 'address', level: 'failed', message: `${url} ${message}`, action }, status };
}

const READ_THE_LOG =
  'Look at the log of the function api/ping, and at the status pages of Vercel and Supabase.';

function connectionFault(error: unknown, trace: CallTrace, timeoutMs: number): Fault {
  const { error: reason, result, timedOut } = classifyError(error, trace);
  // With `not sent`, the reason says where it failed: address, DNS, connection or certificate.
  if (timedOut && result === 'unknown') {
    return { message: `did not answer within ${timeoutMs} ms`, action: READ_THE_LOG };
  }
  return {
    message: `could not be called: ${reason ?? 'unknown error'}`,
    action: 'Correct the host in WEBHOOK_BASE_URL, or the DNS record and the certificate of this host.',
  };
}

function unreadFault(status: number, unread: unknown): Fault {
  return {
    message: `was answered ${status}, but could not be read: ${whyLost(unread)}`,
    action: READ_THE_LOG,
  };
}

/** What to do about an answer that does not come from our ping function. */
function faultOf(response: Response, json: unknown, hasBypass: boolean): Fault {
  const { status, headers } = response;
  const details = problemDetails.safeParse(json);
  const isOurs = details.success && details.data.status === status;
  if (isOurs) return faultOfCode(details.data.code, status);
  const location = headers.get('location') ?? '';
  if (status === 401 || isLogin(location)) {
    return {
      message: `was answered ${status} by Vercel's Deployment Protection`,
      action: hasBypass
        ? 'VERCEL_AUTOMATION_BYPASS_SECRET was not accepted: take the current secret of this project (Vercel: Settings, Deployment Protection, Protection Bypass for Automation), and deploy again.'
        : 'Turn on Protection Bypass for Automation (Vercel: Settings, Deployment Protection), which sets VERCEL_AUTOMATION_BYPASS_SECRET, or set WEBHOOK_BASE_URL to the production domain, which is not protected. Then deploy again.',
    };
  }
  if (status >= 300 && status < 400) {
    return {
      message: `redirects to ${hostOf(location)}; signed results never follow redirects`,
      action: 'Set WEBHOOK_BASE_URL to the final address.',
    };
  }
  if (status === 403 || status === 429) {
    return {
      message: `was answered ${status} by a firewall${headers.has('x-vercel-mitigated') ? ' (x-vercel-mitigated)' : ''}`,
      action: 'Let requests with the header webhook-signature pass: Vercel, Firewall (docs/operations.md).',
    };
  }
  if (status === 404 || status === 200) {
    return {
      message: `was answered ${status}, but not by our function`,
      action:
        'Set WEBHOOK_BASE_URL to the address of this project, followed by /api/webhooks. Where another project routes the path here, it must route all of /api/ping, /api/health, /api/webhooks and /api/cron.',
    };
  }
  return {
    message: `was answered ${status}, but not by our function`,
    action: 'Look at the log of the deployment and at what stands in front of it.',
  };
}

function faultOfCode(code: string, status: number): Fault {
  const message = `was answered ${status} ${code}`;
  switch (code) {
    case 'missing_signature':
    case 'invalid_signature':
      return {
        message,
        action:
          'WEBHOOK_SECRET differs between sender and deployment: set the same value in both, and deploy again.',
      };
    case 'timestamp_out_of_tolerance':
      return {
        message,
        action: 'The clocks differ by more than 5 minutes: synchronise the clock of the sender.',
      };
    case 'database_unavailable':
      return {
        message,
        action:
          'The function does not reach the database: see the check "database", and the log of the function api/ping.',
      };
    case 'misconfigured':
    case 'internal_error':
      return {
        message,
        action:
          'Read the log of the function api/ping: it names the reason, such as each invalid environment variable.',
      };
    default:
      return { message, action: 'Deploy the version of this checkout, and ping again.' };
  }
}

function isLogin(location: string): boolean {
  return hostOf(location) === 'vercel.com';
}

function hostOf(location: string): string {
  return URL.parse(location)?.host ?? 'another address';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

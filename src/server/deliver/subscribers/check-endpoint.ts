import { randomBytes, randomUUID } from 'node:crypto';
import type { Coding, Compression } from '../../../contracts/compression.ts';
import { MAX_RESULT_BYTES, TOLERANCE_SECONDS } from '../../../contracts/constants.ts';
import { checkAnswer, type CheckPing, type Probe } from '../../../contracts/endpoint-checks.ts';
import { PLAIN_ANSWER } from '../../http/read-start.ts';
import { classifyAnswer } from '../classify-answer.ts';
import { compress } from '../compress.ts';
import { post } from '../post.ts';
import type { WebhookKeys } from '../secrets.ts';
import { signWithEach } from '../sign.ts';
import { openAll, type SubscriberSender } from './call-subscriber.ts';

/** The subscriber to check. */
interface CheckedEndpoint {
  endpoint_id: string;
  url: string;
  sealed_secrets: readonly string[];
  /** The coding that its settings ask for. */
  compression: Compression;
}

/** The outcome of one request of a check. */
interface Seen {
  /** Null: no answer came. */
  status: number | null;
  /** Why it is not delivered; null: the answer was a 2xx. */
  error: string | null;
  /** The part of the answer that was read. */
  text: string;
  /** Why the answer could not be read to its end. */
  unread: unknown;
  timedOut: boolean;
  tookMs: number;
}

type Told = Pick<Probe, 'ok' | 'detail' | 'advice'>;

/**
 * Time-out of one request of a check. Up to seven requests run one after the other, and must leave some of the function's
 * 300 s to record the result.
 */
const MAX_TIMEOUT_MS = 30_000;

/** Far outside of the tolerance, whatever the clocks say. */
const OLD_MS = 60 * 60 * 1000;

const VERIFY =
  'Verify webhook-signature over the raw body before anything else, with a library for Standard Webhooks (standardwebhooks, svix), and answer 401 to what it refuses.';
const ANSWER_FIRST =
  'Store the event, answer 2xx, and do the work afterwards. A load balancer or a cold start may need more time as well.';

/**
 * Checks whether a subscriber accepts what we will send, and rejects what others could send. First a signed ping, whose nonce
 * the answer must repeat: it proves that the receiver wants our events. Only then come the other probes, one after the other,
 * so that a host that never asked for events gets only one small request.
 * @throws {SecretUnreadable} if one of the endpoint's secrets cannot be decrypted; nothing was sent
 */
export async function checkEndpoint(services: SubscriberSender, endpoint: CheckedEndpoint): Promise<Probe[]> {
  const sender = { ...services, timeoutMs: Math.min(services.timeoutMs, MAX_TIMEOUT_MS) };
  const keys = openAll(sender.endpointKeys, endpoint.endpoint_id, endpoint.sealed_secrets);
  const ping = pingOf(sender, endpoint);
  const answered = await request(sender, endpoint, { id: ping.id, body: ping.body, keys });
  const first = { name: 'ping' as const, ...judgePing(answered, ping.nonce) };
  if (!first.ok) return [first];

  const unknownKeys: WebhookKeys = [randomBytes(32)];
  const another = () => pingOf(sender, endpoint);
  const forged = await request(sender, endpoint, { ...another(), keys: unknownKeys });
  const old = await request(sender, endpoint, { ...another(), keys, at: sender.now() - OLD_MS });
  const signed = another();
  const changed = await request(sender, endpoint, { ...signed, keys, sent: another().body });
  const repeated = await request(sender, endpoint, { id: ping.id, body: ping.body, keys });
  const large = await request(sender, endpoint, { ...pingOf(sender, endpoint, MAX_RESULT_BYTES), keys });
  const compressed =
    endpoint.compression === 'none'
      ? null
      : await pingCompressed(sender, endpoint, endpoint.compression, keys);
  const all = [
    answered,
    forged,
    old,
    changed,
    repeated,
    large,
    ...(compressed === null ? [] : [compressed.seen]),
  ];
  return [
    first,
    { name: 'forged', ...judgeRefusal(forged, 'a request with a forged signature', VERIFY) },
    {
      name: 'old',
      ...judgeRefusal(
        old,
        'a request that was signed an hour ago',
        `Refuse requests whose webhook-timestamp is more than ${TOLERANCE_SECONDS / 60} minutes away, which the libraries do: otherwise a recorded request can be sent again at any time.`,
      ),
    },
    {
      name: 'changed',
      ...judgeRefusal(changed, 'a request whose body was changed after it was signed', VERIFY),
    },
    { name: 'repeated', ...judgeRepeated(repeated) },
    { name: 'large', ...judgeLarge(large) },
    ...(compressed === null ? [] : [{ name: 'compressed' as const, ...compressed.told }]),
    { name: 'redirects', ...judgeRedirects(all) },
    { name: 'time', ...judgeTime(all, sender.timeoutMs) },
  ];
}

/** Only a subscriber that has passed this probe gets compressed bodies. */
async function pingCompressed(
  sender: SubscriberSender,
  endpoint: CheckedEndpoint,
  coding: Coding,
  keys: WebhookKeys,
): Promise<{ seen: Seen; told: Told }> {
  const { id, nonce, body } = pingOf(sender, endpoint);
  const seen = await request(sender, endpoint, { id, body, keys, coding });
  return { seen, told: judgeCompressed(seen, nonce, coding) };
}

interface Ping {
  id: string;
  nonce: string;
  body: string;
}

/** @param bytes length of the body, filled up with blanks in its note; undefined: as short as possible */
function pingOf({ now }: SubscriberSender, { endpoint_id }: CheckedEndpoint, bytes?: number): Ping {
  const nonce = randomBytes(16).toString('hex');
  const ping: CheckPing = {
    type: 'polaris.ping',
    timestamp: new Date(now()).toISOString(),
    data: { nonce, endpoint_id, note: 'A check: answer 200 {"nonce": …}' },
  };
  const short = JSON.stringify(ping);
  if (bytes === undefined) return { id: `ping_${randomUUID()}`, nonce, body: short };
  ping.data.note += ' '.repeat(bytes - Buffer.byteLength(short));
  return { id: `ping_${randomUUID()}`, nonce, body: JSON.stringify(ping) };
}

interface Request {
  id: string;
  body: string;
  keys: WebhookKeys;
  /** Timestamp of the signature; undefined: now. */
  at?: number;
  /** A body to send in place of the signed one. */
  sent?: string;
  /** Coding of the body. The signature is over the decompressed body. */
  coding?: Coding;
}

async function request(
  sender: SubscriberSender,
  { url }: CheckedEndpoint,
  { id, body, keys, at = sender.now(), sent = body, coding }: Request,
): Promise<Seen> {
  const encode = (text: string) => new TextEncoder().encode(text);
  const bytes = coding === undefined ? encode(sent) : await compress(coding, encode(sent));
  let read: Pick<Seen, 'text' | 'unread'> = { text: '', unread: undefined };
  const { attempt, timedOut } = await post(sender, {
    url,
    headers: {
      'content-type': 'application/json',
      ...(coding !== undefined && { 'content-encoding': coding }),
      ...PLAIN_ANSWER,
      ...signWithEach(keys, id, at, encode(body)),
    },
    traceId: null,
    timeoutMs: sender.timeoutMs,
    send: (headers, signal) => sender.outbound({ url, headers, body: bytes, signal }),
    classify: (answer, text, unread) => {
      read = { text, unread };
      return classifyAnswer(answer, text, { expects: 'any_2xx', job_id: null }, sender.now(), unread);
    },
  });
  const { status, error, duration_ms } = attempt;
  return { status, error, timedOut, tookMs: duration_ms, ...read };
}

function good(detail: string, advice: string | null = null): Told {
  return { ok: true, detail, advice };
}

function bad(detail: string, advice: string): Told {
  return { ok: false, detail, advice };
}

function judgePing(seen: Seen, nonce: string): Told {
  if (seen.error !== null) return bad(`A signed ping failed: ${seen.error}.`, adviceOn(seen));
  const answered = `A signed ping was answered ${seen.status}`;
  if (seen.unread !== undefined && seen.timedOut) {
    return bad(`${answered}, but the answer was not complete in time.`, ANSWER_FIRST);
  }
  if (nonceIn(seen.text) === nonce) return good(`${answered} with its nonce in ${seen.tookMs} ms.`);
  return bad(
    `${answered}, but without the requested nonce.`,
    'Answer a request of type polaris.ping with its data.nonce, as JSON and not compressed: {"nonce": "…"}. This proves that the endpoint wants these events.',
  );
}

function nonceIn(text: string): string | undefined {
  try {
    return checkAnswer.safeParse(JSON.parse(text)).data?.nonce;
  } catch {
    return undefined;
  }
}

/** Advice for a request whose answer was not 2xx. */
function adviceOn({ status, error, timedOut }: Seen): string {
  if (status === null) {
    if (error?.startsWith('not sent: ') === true) {
      return 'Correct the URL, or the DNS record, the certificate or the firewall of its host.';
    }
    return timedOut
      ? ANSWER_FIRST
      : 'Look at the log of the endpoint, and at any proxy or firewall in front of it.';
  }
  if (status >= 300 && status < 400)
    return 'Set the URL to the final address: signed results never follow redirects.';
  if (status === 429)
    return 'Raise the limit of the endpoint for these requests, or set a rate, and check again.';
  if (status === 404 || status === 405) return 'Correct the path of the URL: it does not accept POST.';
  if (status === 410) return 'The endpoint answered 410 (gone): set another URL, or remove the subscriber.';
  if (status === 400 || status === 401 || status === 403) {
    return 'Compare the secret at the endpoint with the one that was shown here, verify the raw bytes of the body, and synchronise the clock. A firewall in front of the endpoint may also refuse the request.';
  }
  return 'Look at the log of the endpoint, and at any proxy or firewall in front of it.';
}

/** Judges an answer to a request that must be refused with a 4xx, which blames the request. */
function judgeRefusal(seen: Seen, what: string, advice: string): Told {
  if (seen.error === null) return bad(`It accepted ${what} (${seen.status}).`, advice);
  if (seen.status === 429 || seen.status === null) {
    return bad(`No result for ${what}: ${seen.error}.`, adviceOn(seen));
  }
  if (seen.status >= 400 && seen.status < 500) return good(`It refused ${what} (${seen.status}).`);
  return bad(
    `It failed on ${what} instead of refusing it with a 4xx: ${seen.error}.`,
    'Answer 401 to a request that cannot be verified. Other answers than 4xx count as faults of the endpoint.',
  );
}

function judgeRepeated(seen: Seen): Told {
  if (seen.error === null) return good(`It accepted a repeated ping (${seen.status}).`);
  return bad(
    `It did not accept a repeated ping: ${seen.error}.`,
    'Answer 2xx to a known webhook-id, and do nothing: an event is sent again when its answer was lost.',
  );
}

function judgeLarge(seen: Seen): Told {
  const size = `a body of ${MAX_RESULT_BYTES / 1024} KB`;
  const instead = `Raise the limit of the endpoint for ${size}, or set its body to thin: larger results cannot be delivered to it.`;
  if (seen.error === null) return good(`It accepted ${size} in ${seen.tookMs} ms.`);
  if (seen.status === 413) return good(`It refused ${size} with 413.`, instead);
  return bad(`It should accept ${size} or refuse it with 413: ${seen.error}.`, instead);
}

function judgeCompressed(seen: Seen, nonce: string, coding: Coding): Told {
  const what = `a signed ping in ${coding}`;
  const advice = `Decompress a body with Content-Encoding: ${coding} before you verify its signature (over the decompressed bytes), or set compression to none. Until this probe passes, bodies are sent uncompressed: nothing is lost.`;
  if (seen.error !== null) return bad(`It did not accept ${what}: ${seen.error}.`, advice);
  if (nonceIn(seen.text) === nonce) return good(`It answered ${what} with its nonce in ${seen.tookMs} ms.`);
  return bad(`It answered ${what} with ${seen.status}, but without the requested nonce.`, advice);
}

function judgeRedirects(all: readonly Seen[]): Told {
  const redirects = all.filter(({ status }) => status !== null && status >= 300 && status < 400);
  if (redirects.length === 0) return good('No answer was a redirect.');
  return bad(
    `${redirects.length} of ${all.length} answers were redirects (${redirects[0]?.status}).`,
    'Answer at the URL itself: signed results never follow redirects.',
  );
}

/** An answer slower than this share of the time-out leaves little reserve under load. */
const SLOW_PART = 0.5;

function judgeTime(all: readonly Seen[], timeoutMs: number): Told {
  const late = all.filter(({ timedOut }) => timedOut).length;
  const slowestMs = Math.max(...all.map(({ tookMs }) => tookMs));
  if (late > 0)
    return bad(`${late} of ${all.length} answers did not arrive within ${timeoutMs} ms.`, ANSWER_FIRST);
  const detail = `The slowest of ${all.length} answers took ${slowestMs} ms; the limit is ${timeoutMs} ms.`;
  return slowestMs > timeoutMs * SLOW_PART ? good(detail, ANSWER_FIRST) : good(detail);
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { SHAPES, VALUE_BYTES } from '../bench/hostile-shapes.ts';
import { cpuMsOf } from './cpu.ts';
import type { Random } from './random.ts';
import type { Happening } from './series.ts';
import type { ChaosSystem } from './system.ts';

/** A signed body, and whether the contract takes it. */
interface Hostile {
  body: (reportId: string) => Buffer;
  isTaken: boolean;
}

const CALL_TIMEOUT_MS = 20_000;
/** Then the next kind has its turn: on a busy machine, the dearest bodies may have to be sent again later. */
const TRIES = 5;
/** A quarter of what a body may have. What whole ones cost, the benchmark measures. */
const BYTES = VALUE_BYTES / 4;
/** Of one function's process, in the time of one hostile call: with all else that it does meanwhile. */
const MAX_CPU_MS = 5_000;
/** What answers while a function or the database is restarted, a clock is wrong, or senders are limited. The sender retries then. */
const TRANSIENT: ReadonlySet<number> = new Set([401, 429, 502, 503]);

function envelope(reportId: string, metadata: string, text = '"# hostile"'): string {
  const id = randomUUID();
  return (
    `{"type":"report.prelim.completed","timestamp":"${new Date().toISOString()}","data":{"job_id":"hostile_${id}",` +
    `"report_id":"${reportId}","report_type":"org","research_report":${text},"research_status":"completed",` +
    `"research_metadata":${metadata}}}`
  );
}

const made = (metadata: string, isTaken: boolean): Hostile => ({
  body: (reportId) => Buffer.from(envelope(reportId, metadata)),
  isTaken,
});

/** Of the benchmark's shapes, those that cost the most. */
function shape(name: string, isTaken: boolean): Hostile {
  const found = SHAPES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no shape "${name}"`);
  return made(found.make(BYTES), isTaken);
}

const HOSTILE: Record<string, () => Hostile> = {
  'wide and deep': () => shape('wide and deep', true),
  'wide and deep, ending in 1e400': () => shape('wide and deep, each ending in 1e400', false),
  'too deep': () => shape('deeper than is allowed', false),
  'long numbers': () => shape('numbers of 64 digits', true),
  'a number of a million digits': () => shape('one number of a million digits', false),
  'many keys': () => shape('many members', true),
  'a repeated name': () => shape('a repeated name at the end', false),
  'one 1e400': () => made('{"a":1e400}', false),
  'the key __proto__': () => made('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}', true),
  'U+0000': () => made('{"a":"\\u0000"}', false),
  'half a surrogate pair': () => made('{"a":"\\ud800"}', false),
  'bad UTF-8': () => ({
    body: (reportId) =>
      Buffer.concat(
        envelope(reportId, '{"a":"!"}')
          .split('!')
          .flatMap((part, index) =>
            index === 0 ? [Buffer.from(part)] : [Buffer.of(0xff, 0xc0, 0x80), Buffer.from(part)],
          ),
      ),
    isTaken: false,
  }),
};

/**
 * Verified senders with bodies that are built to cost, or that cannot be stored: refused or applied, never answered 500, and
 * never at the cost of others. `faults`: where that did not hold; `unanswered`: what did not get through in its last tries.
 */
export function hostileSenders(
  system: ChaosSystem,
  random: Random,
  reportIds: readonly string[],
): { kinds: Record<string, Happening>; faults: string[]; unanswered: () => string[] } {
  const faults: string[] = [];
  const unanswered = new Map<string, string>();
  const keys = parseWebhookSecret(system.secrets.webhookSecret);

  async function post(
    body: Buffer,
    id: string,
  ): Promise<{ status: number; text: string; cpuMs: number } | null> {
    const host = random.pick(system.hosts);
    const before = await cpuMsOf(host.pids());
    try {
      const response = await fetch(`${host.url}/api/webhooks/prelim-report`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...sign(keys, id, Date.now(), body) },
        body: new Uint8Array(body),
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
      const text = await response.text();
      const after = await cpuMsOf([...before.keys()]);
      const spent = [...after].map(([pid, ms]) => ms - (before.get(pid) ?? ms));
      return { status: response.status, text: text.slice(0, 200), cpuMs: Math.max(0, ...spent) };
    } catch {
      // The host was killed, or the answer lost.
      return null;
    }
  }

  const send =
    (name: string, make: () => Hostile): Happening =>
    async (ended) => {
      const { body, isTaken } = make();
      const bytes = body(random.pick(reportIds));
      const id = `hostile_${randomUUID()}`;
      for (let tries = 0; tries < TRIES && !ended.aborted; tries += 1) {
        const answer = await post(bytes, id);
        if (answer === null || TRANSIENT.has(answer.status)) {
          unanswered.set(name, answer === null ? 'no answer' : `${answer.status} ${answer.text}`);
          await sleep(300);
          continue;
        }
        unanswered.delete(name);
        const { status, text, cpuMs } = answer;
        if (cpuMs > MAX_CPU_MS) faults.push(`${name}: cost ${cpuMs} ms of CPU`);
        if (status !== (isTaken ? 200 : 400)) faults.push(`${name}: answered ${status} ${text}`);
        return 1;
      }
      return 0;
    };
  return {
    kinds: Object.fromEntries(
      Object.entries(HOSTILE).map(([name, make]) => [`bodies: ${name}`, send(name, make)]),
    ),
    faults,
    unanswered: () => [...unanswered].map(([name, answer]) => `${name}: ${answer} when it was last sent`),
  };
}

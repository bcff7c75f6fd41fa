import { CallTrace } from '../../http/call-trace.ts';
import { classifyError } from '../../deliver/classify-error.ts';
import { PLAIN_ANSWER, readStart } from '../../http/read-start.ts';
import type { Log } from '../log.ts';

const TIMEOUT_MS = 5_000;
const ANSWER_BYTES = 4_096;

export interface HeartbeatSender {
  fetch: typeof fetch;
  log: Log;
  heartbeatUrl: string | undefined;
}

/** Reports a successful sweep to an external watch, which alerts when reports stop. Never throws: failures are only logged. */
export async function sendHeartbeat({ fetch, log, heartbeatUrl }: HeartbeatSender): Promise<void> {
  if (heartbeatUrl === undefined) return;
  const error = await ask(fetch, heartbeatUrl);
  if (error !== null) log('error', 'could not report a sweep to HEARTBEAT_URL', { error });
}

/** The failure in our own words: the address may contain credentials. */
async function ask(fetch: typeof globalThis.fetch, url: string): Promise<string | null> {
  const trace = new CallTrace();
  try {
    const response = await trace.follow(() =>
      fetch(url, { headers: PLAIN_ANSWER, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) }),
    );
    await readStart(response, ANSWER_BYTES);
    return response.ok ? null : `answered ${response.status}`;
  } catch (error) {
    return classifyError(error, trace).error ?? 'no answer';
  }
}

import { sweepDeliveries } from '../../src/server/deliver/sweep-deliveries.ts';
import type { Store } from '../../src/server/store/store.ts';

/** Turns of the event loop without a call, after which none will begin before time passes. */
const QUIET_TURNS = 10;
/** After this, the number of senders no longer grows the rate. */
const GROWN_MS = 15_000;

interface SimulatedSweep {
  sent: number;
  /** Deliveries a second over the whole sweep, and once its senders have grown. */
  perSecond: number;
  grownPerSecond: number;
}

/**
 * One sweep with an endless backlog, in simulated time: each call of the database and of our endpoint takes a round trip and
 * nothing else. So it shows what latency alone allows, on any machine.
 */
export async function simulateSweep(roundTripMs: number): Promise<SimulatedSweep> {
  let now = 0;
  let ids = 0;
  const waiting: { at: number; wake: () => void }[] = [];
  const sentAt: number[] = [];
  let calls = 0;
  const roundTrip = () => {
    calls += 1;
    return new Promise<void>((wake) => {
      waiting.push({ at: now + roundTripMs, wake });
    });
  };
  const recorded = { status: 'success', dead: false, effect: null };
  const rpc = async (
    name: string,
    { p_limit = 0, p_rounds = [] }: { p_limit?: number; p_rounds?: unknown[] },
    answer: { parse: (value: unknown) => unknown },
  ) => {
    await roundTrip();
    switch (name) {
      case 'release_deliveries':
        return answer.parse(0);
      case 'claim_due_deliveries':
        return answer.parse({
          deliveries: Array.from({ length: p_limit }, claimed),
          left_out: [],
          waiting: false,
        });
      case 'record_delivery_attempts':
        return answer.parse(recorded);
      case 'record_delivered_rounds':
        return answer.parse(p_rounds.map(() => recorded));
      default:
        throw new Error(`no call of ${name} was expected`);
    }
  };
  const claimed = () => ({
    delivery_id: (ids += 1),
    delivery_token: 1,
    event_id: `evt_${ids}`,
    endpoint_id: 'prelim-report',
    expects: 'own_answer',
    job_id: 'job',
    trace_id: null,
    body: '{}',
    subscriber: null,
  });
  const delivered = {
    outcome: 'applied',
    report_id: '00000000-0000-4000-8000-000000000000',
    job_id: 'job',
    report_type: 'org',
    stage: 'prelim',
    status: 'completed',
    timestamp: '2026-01-01T00:00:00.000Z',
  };
  const done = new AbortController();
  const sweeping = sweepDeliveries({
    now: () => now,
    monotonicNow: () => now,
    // Safe: the answers above are those of the functions that a sweep calls.
    rpc: rpc as Store['rpc'],
    log: () => undefined,
    async fetch() {
      await roundTrip();
      sentAt.push(now);
      return Response.json(delivered);
    },
    outbound: () => Promise.reject(new Error('there are no subscribers')),
    endpointKeys: [],
    webhookKeys: [Buffer.alloc(32)],
    webhookBaseUrls: ['https://polaris.example/api/webhooks'],
    protectionBypass: undefined,
    timeoutMs: 10_000,
    random: () => 0,
  }).finally(() => done.abort());
  while (!done.signal.aborted) {
    for (let quiet = 0, seen = calls; quiet < QUIET_TURNS; quiet += 1) {
      await new Promise(setImmediate);
      if (seen !== calls) quiet = 0;
      seen = calls;
    }
    // Every round trip takes as long, so the first to begin is the first to end.
    const next = waiting[0]?.at;
    if (next === undefined) continue;
    now = next;
    while (waiting[0]?.at === now) waiting.shift()?.wake();
  }
  const { successes, errors } = await sweeping;
  if (errors.length > 0 || successes !== sentAt.length)
    throw new Error(`the simulated sweep failed: ${errors.join(', ')}`);
  const grown = sentAt.filter((at) => at >= GROWN_MS).length;
  return {
    sent: successes,
    perSecond: successes / (now / 1000),
    grownPerSecond: grown / ((now - GROWN_MS) / 1000),
  };
}

import { z } from 'zod';
import { eventsAnswer, eventsQuery, type EventsAnswer } from '../../../contracts/subscribers.ts';
import type { ProblemCode } from '../../../contracts/problem.ts';
import { stopwatch, type MonotonicClock } from '../../clock.ts';
import { bearerToken } from '../../http/bearer.ts';
import { answer, problem, type ProblemExtras } from '../../http/problem.ts';
import { auditRequest } from '../../observe/audit.ts';
import type { Log } from '../../observe/log.ts';
import type { Store } from '../../store/store.ts';
import { isReadToken, readTokenHash } from './endpoint-secrets.ts';
import { queryOf } from './endpoints.ts';

/** The position after the last event read: its delivery, and the transaction that created it. */
const place = z.object({ xid: z.string(), id: z.int() });
type Place = z.infer<typeof place>;

const read = z.union([
  z.object({
    outcome: z.literal('read'),
    endpoint_id: z.string(),
    events: eventsAnswer.shape.events,
    next: place.nullable(),
    has_more: z.boolean(),
  }),
  z.object({ outcome: z.literal('invalid_token') }),
]);

/**
 * `GET`: the events for the subscriber of the read token, in the order of their commits, or one of them in full. Refusals are
 * audited; those of unauthenticated callers count against the cap.
 */
export async function readEvents(
  services: Store & MonotonicClock & { log: Log },
  request: Request,
): Promise<Response> {
  const elapsed = stopwatch(services.monotonicNow);
  const refuse = async (code: ProblemCode, extras?: ProblemExtras, of?: { endpoint_id: string }) => {
    const response = problem(code, extras);
    const record = { endpoint: 'endpoint-events' as const, method: request.method, outcome: code, ...of };
    await auditRequest(
      services,
      { ...record, status: response.status, elapsed_ms: elapsed() },
      of !== undefined,
    );
    return response;
  };

  if (request.method !== 'GET') return refuse('method_not_allowed', { headers: { allow: 'GET' } });
  const token = bearerToken(request.headers);
  // A token of another form is invalid, without asking the database.
  if (token === null || !isReadToken(token)) return refuse('unauthorized');
  const query = eventsQuery.safeParse(queryOf(request));
  if (!query.success) return refuse('invalid_query');
  const asked = query.data;
  const after = 'after' in asked && asked.after !== undefined ? readCursor(asked.after) : undefined;
  if (after === null) return refuse('invalid_query');
  const parameters = {
    p_read_token_sha256: readTokenHash(token),
    p_limit: 'limit' in asked ? asked.limit : 1,
    p_after: after,
    p_event_id: 'event_id' in asked ? asked.event_id : undefined,
  };
  const outcome = await services.rpc('read_events', parameters, read);
  if (outcome.outcome === 'invalid_token') return refuse('unauthorized');
  const { endpoint_id, events, next, has_more } = outcome;
  if ('event_id' in asked) {
    const [event] = events;
    if (event === undefined) return refuse('event_not_found', {}, { endpoint_id });
    if (event.gone !== null) return refuse(event.gone, {}, { endpoint_id });
    return answer({ events: [event], next: null, has_more: false } satisfies EventsAnswer);
  }
  return answer({ events, next: next && showCursor(next), has_more } satisfies EventsAnswer);
}

/** Opaque to clients, so that it may change. */
function showCursor({ xid, id }: Place): string {
  return Buffer.from(`${xid}.${id}`).toString('base64url');
}

/** PostgreSQL's xid8. */
const MAX_XID = 2n ** 64n - 1n;

/** Null: not one of our cursors. */
function readCursor(text: string): Place | null {
  const [, xid = '', id = ''] =
    /^(\d{1,20})\.(\d{1,16})$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  const isPlace = xid !== '' && BigInt(xid) <= MAX_XID && Number.isSafeInteger(Number(id));
  return isPlace ? { xid, id: Number(id) } : null;
}

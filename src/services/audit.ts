import { z } from 'zod';
import { auditRow, eventTimeline, type AuditRow, type EventTimeline } from '../contracts/console-audit.ts';
import { eventId } from '../contracts/webhooks.ts';
import { ask, first, found, withInput, type Answer, type CallOptions } from './answer.ts';
import { call, type DatabaseClient } from './database.ts';

/** One complete row of the audit log. `not_found`: no such row, or the person is not an operator. */
export async function getAuditRow(
  client: DatabaseClient,
  id: string,
  { signal }: CallOptions = {},
): Promise<Answer<AuditRow>> {
  return withInput(z.guid(), id, async (rowId) => {
    const query = client.from('webhook_audit').select().eq('id', rowId).limit(1);
    const answer = await ask(client, signal ? query.abortSignal(signal) : query, z.array(auditRow));
    return first(answer, 'There is no such row in the audit log.');
  });
}

/**
 * The timeline of an event, oldest step first: job, commit, attempts, requests, effect, redrives, and the next step. For
 * operators; others get `42501`. `not_found`: no request ever named this id.
 */
export async function getEventTimeline(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<EventTimeline>> {
  return withInput(eventId, id, async (p_event_id) => {
    const answer = await call(client, 'event_timeline', { p_event_id }, eventTimeline.nullable(), options);
    return found(answer, 'Nothing is known of this event.');
  });
}

/**
 * The previous attempt of the same event to the same endpoint; null: there is none, or it was removed by retention. For
 * operators.
 */
export async function getPreviousAttempt(
  client: DatabaseClient,
  { event_id, endpoint_id, attempt_number }: AuditRow,
  { signal }: CallOptions = {},
): Promise<Answer<AuditRow | null>> {
  if (event_id === null || endpoint_id === null || attempt_number === null)
    return { data: null, error: null };
  const query = client
    .from('webhook_audit')
    .select()
    .eq('event_id', event_id)
    .eq('endpoint_id', endpoint_id)
    .eq('direction', 'out')
    .neq('outcome', 'skipped')
    .lt('attempt_number', attempt_number)
    .order('attempt_number', { ascending: false })
    .order('created_at', { ascending: false })
    .limit(1);
  const answer = await ask(client, signal ? query.abortSignal(signal) : query, z.array(auditRow));
  return answer.error === null ? { data: answer.data[0] ?? null, error: null } : answer;
}

/**
 * The bytes that every attempt of an event sends, as text. For operators. `not_found`: no such event, its content was
 * erased, or its body is too large to be sent.
 */
export async function getEventBody(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<string>> {
  return withInput(eventId, id, async (p_event_id) => {
    const answer = await call(client, 'event_body', { p_event_id }, z.string().nullable(), options);
    return found(answer, 'The content of this event was erased, or its body is too large to be sent.');
  });
}

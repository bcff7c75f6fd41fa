import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import type { Held } from './store.ts';

interface SubscriberSettings {
  url: string;
  description: string;
  events: Record<string, postgres.JSONValue>;
  filter: postgres.JSONValue;
  format_version: number;
  body: 'full' | 'thin';
  mode: 'every' | 'latest';
  rate_per_second: number | null;
  compression: 'none' | 'gzip' | 'zstd';
}

/** A claimed delivery to a subscriber. */
export interface HeldOutward extends Held {
  endpoint_id: string;
  subscriber: { url: string; position: number; plan: number; redriven: boolean; sealed_secrets: string[] };
}

const tokenHash = (token: string) => createHash('sha256').update(token).digest('hex');

/** Calls the SQL functions of subscribers as the server does, for tests of what holds in the database itself. */
export function subscriberClient(sql: postgres.ISql) {
  async function one<T>(query: postgres.PendingQuery<postgres.Row[]>): Promise<T> {
    const [row] = await query;
    if (row === undefined) throw new Error('no answer');
    return row['answer'] as T;
  }
  const settingsOf = (change: Partial<SubscriberSettings>): SubscriberSettings => ({
    url: 'https://hooks.example.org/polaris',
    description: 'A test',
    events: {},
    filter: null,
    format_version: 2,
    body: 'full',
    mode: 'every',
    rate_per_second: null,
    compression: 'none',
    ...change,
  });
  return {
    /** @param filterPath the filter, compiled */
    async create(
      change: Partial<SubscriberSettings> = {},
      filterPath: string | null = null,
      startAt: string | null = null,
    ) {
      const endpointId = `ep-${randomBytes(8).toString('hex')}`;
      const token = `pet_${randomUUID()}`;
      const answer = await one<{ outcome: string }>(sql`
        select public.create_endpoint(
          ${randomUUID()}, ${sql.json({ ...settingsOf(change) })}, ${endpointId}, ${`sealed-${endpointId}`},
          ${tokenHash(token)}, 'tester', ${filterPath}, ${startAt}) as answer`);
      return { endpointId, token, answer };
    },
    /** Its check has passed, and it may be sent as much at once as any that has been good for long. */
    async verify(endpointId: string) {
      const begun = await one<{ check_id: number }>(sql`
        select public.begin_endpoint_check(${endpointId}, ${`${endpointId}.example.org`}, 'tester') as answer`);
      await sql`select public.record_endpoint_check(${begun.check_id}, true, '[]')`;
      await sql`update private.subscribers set limited_at = now() - interval '1 hour' where endpoint_id = ${endpointId}`;
    },
    async active(change: Partial<SubscriberSettings> = {}, filterPath: string | null = null) {
      const made = await this.create(change, filterPath);
      await this.verify(made.endpointId);
      return made;
    },
    move: (endpointId: string, state: string) =>
      one<{ outcome: string }>(sql`select public.move_endpoint(${endpointId}, ${state}, 'tester') as answer`),
    async change(endpointId: string, change: Partial<SubscriberSettings>, filterPath: string | null = null) {
      const [now] = await sql`
        select id from private.endpoint_revisions where endpoint_id = ${endpointId} and superseded_by is null`;
      return one<{ outcome: string }>(sql`
        select public.change_endpoint(
          ${endpointId}, ${now?.['id'] as string}, ${sql.json({ ...settingsOf(change) })}, 'changed', 'tester', ${filterPath}) as answer`);
    },
    claim: () =>
      one<{ delivery: HeldOutward | null; left_out: object[]; waiting?: boolean }>(
        sql`
          select jsonb_build_object('delivery', answer #> '{deliveries,0}') || answer - 'deliveries' as answer
          from public.claim_due_deliveries(1, 1, 30, ${randomUUID()}) answer`,
      ),
    claimEvent: (eventId: string, limit = 100) =>
      one<HeldOutward[]>(
        sql`select public.claim_event_deliveries(${eventId}, 30, ${randomUUID()}, ${limit}) as answer`,
      ),
    async record(
      held: Held,
      result: 'delivered' | 'failed' | 'unknown',
      status: number | null = null,
      url?: string,
    ) {
      const attempts = [
        {
          status: status ?? (result === 'delivered' ? 200 : 500),
          duration_ms: 5,
          authentic: result === 'delivered',
          ...(url !== undefined && { request: { url, headers: {} } }),
        },
      ];
      return one<{ status: string; dead: boolean }>(sql`
        select public.record_delivery_attempts(
          ${held.delivery_id}, ${held.delivery_token}, ${result}, ${sql.json(attempts)}) as answer`);
    },
    keep: (days = 30) =>
      one<Record<'paused' | 'removed' | 'expired' | 'cancelled' | 'woken', number>>(
        sql`select public.keep_subscribers(${days}, 500) as answer`,
      ),
    read: (token: string, after: postgres.JSONValue = null, limit = 100) =>
      one<{
        outcome: string;
        events: { id: string; body: string | null }[];
        next: postgres.JSONValue;
        has_more: boolean;
      }>(
        sql`select public.read_events(${tokenHash(token)}, ${limit}, ${after === null ? null : sql.json(after)}) as answer`,
      ),
    deliveries: (endpointId: string) => sql`
      select id, event_id, report_id, position, plan, status, dead_reason, attempts, rounds, waits_for, redrives
      from public.webhook_deliveries where endpoint_id = ${endpointId} order by id`,
  };
}

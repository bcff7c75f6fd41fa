import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';

export interface Outcome extends Record<string, unknown> {
  outcome: string;
}

export interface Held {
  delivery_id: number;
  delivery_token: number;
  event_id: string;
  /** The bytes to send, as text. */
  body: string;
}

interface JobRequest {
  job_id: string;
  report_type: string;
  stage: string;
  prompt: string;
  generate: boolean;
  summary_id: string | null;
}

/** Calls the SQL functions as the server does, for tests of what holds in the database itself. */
export function storeClient(sql: postgres.ISql) {
  async function one<T>(query: postgres.PendingQuery<postgres.Row[]>): Promise<T> {
    const [row] = await query;
    if (row === undefined) throw new Error('no answer');
    return row['answer'] as T;
  }
  return {
    request(
      reportId: string,
      change: Partial<JobRequest> = {},
      key: string | null = null,
      caller = 'pipeline',
    ) {
      const job = {
        report_type: 'org',
        stage: 'prelim',
        generate: true,
        prompt: 'p',
        summary_id: null,
        ...change,
      };
      return one<Outcome & { job: { job_id: string }; run: { job_id: string; lease_token: number } }>(sql`
        select public.request_report_job(
          p_job_id => ${job.job_id ?? `job_${randomUUID()}`}, p_caller => ${caller}, p_report_type => ${job.report_type},
          p_report_id => ${reportId}, p_stage => ${job.stage}, p_prompt => ${job.prompt}, p_generate => ${job.generate},
          p_lease_seconds => 60, p_quota => 2, p_idempotency_key => ${key},
          p_summary_id => ${job.summary_id}) as answer`);
    },
    /** `delivery` is there where the result is to be sent. */
    complete(jobId: string, token: number | null, text = 'text') {
      return one<Outcome & { delivery?: Held }>(sql`
        select public.complete_report_job(
          p_job_id => ${jobId}, p_status => 'completed', p_delivery_lease_seconds => 30, p_lease_token => ${token},
          p_research_report => ${text}) as answer`);
    },
    /** What a verified webhook says; without a body, an event that is recorded already, applied directly and audited. */
    async apply(eventId: string, body?: object, endpointId = 'prelim-report') {
      if (body !== undefined)
        return one<Outcome>(
          sql`select public.apply_report_event(${eventId}, 'webhook', ${JSON.stringify(body)}, ${endpointId}) as answer`,
        );
      const answer = await one<Outcome>(
        sql`select public.apply_report_event(${eventId}, 'direct') as answer`,
      );
      await sql`select private.add_audit(p_direction => 'out', p_outcome => 'skipped', p_event_id => ${eventId})`;
      return answer;
    },
    /** Sends a claimed delivery's own bytes to the endpoint's SQL. */
    send({ event_id, body }: Pick<Held, 'event_id' | 'body'>, endpointId = 'prelim-report') {
      return one<Outcome>(
        sql`select public.apply_report_event(${event_id}, 'webhook', ${body}, ${endpointId}) as answer`,
      );
    },
    record(
      { delivery_id, delivery_token }: Pick<Held, 'delivery_id' | 'delivery_token'>,
      result: string,
      attempts: postgres.JSONValue = [{ status: 500, duration_ms: 5, authentic: false }],
    ) {
      return one<{ status: string; dead: boolean; effect: string }>(sql`
        select public.record_delivery_attempts(
          ${delivery_id}, ${delivery_token}, ${result}, ${sql.json(attempts)}) as answer`);
    },
    claim(leaseSeconds = 30, claimId: string | null = null) {
      return one<Held | null>(
        sql`
          select public.claim_due_deliveries(1, 1, ${leaseSeconds}, ${claimId}) #> '{deliveries,0}' as answer`,
      );
    },
    takeOver(jobId: string, maxTakeOvers = 3, claimId: string | null = null) {
      return one<Outcome & { run?: { lease_token: number } }>(sql`
        select public.take_over_report_job(${jobId}, 60, ${maxTakeOvers}, ${claimId}) as answer`);
    },
    redrive(filter: postgres.JSONValue = {}, actor = 'somebody') {
      return one<number>(sql`select public.redrive_deliveries(${sql.json(filter)}, ${actor}, 500) as answer`);
    },
    erase(limit = 100) {
      return one<{ reports: number; users: string[]; errors: object[]; left: boolean }>(
        sql`select public.erase_due(${limit}) as answer`,
      );
    },
    prune(limit = 100, after: postgres.JSONValue = null) {
      return one<
        Record<'audit' | 'refusals' | 'payloads' | 'jobs', number> & { after: postgres.JSONValue }
      >(sql`
        select public.prune_expired(90, 30, 60, ${limit}, ${after === null ? null : sql.json(after)}) as answer`);
    },
  };
}

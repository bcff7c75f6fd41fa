import type postgres from 'postgres';

export interface Outcome extends Record<string, unknown> {
  outcome: string;
}

export interface Held {
  delivery_id: number;
  delivery_token: number;
  event_id: string;
}

/** Calls the SQL functions as the server does, for tests of what holds in the database itself. */
export function storeClient(sql: postgres.ISql) {
  async function one<T>(query: postgres.PendingQuery<postgres.Row[]>): Promise<T> {
    const [row] = await query;
    if (row === undefined) throw new Error('no answer');
    return row['answer'] as T;
  }
  return {
    request(reportId: string, change: object = {}, key: string | null = null, caller = 'pipeline') {
      const body = {
        prompt: 'p',
        report_type: 'org',
        report_id: reportId,
        stage: 'prelim',
        generate: true,
        ...change,
      };
      return one<Outcome & { job: { job_id: string }; run: { job_id: string; lease_token: number } }>(sql`
        select public.request_report_job(${sql.json(body)}, ${caller}, ${key}, 60, 2) as answer`);
    },
    /** `delivery` is there where the result is to be sent. */
    complete(jobId: string, token: number | null, text = 'text') {
      const result = { status: 'completed', research_report: text };
      return one<Outcome & { delivery?: Held }>(sql`
        select public.complete_report_job(${jobId}, ${token}, ${sql.json(result)}, 30) as answer`);
    },
    record(
      { delivery_id, delivery_token }: Pick<Held, 'delivery_id' | 'delivery_token'>,
      result: string,
      attempts: postgres.JSONValue = [{ status: 500, duration_ms: 5, authentic: false }],
    ) {
      return one<{ status: string; dead: boolean; effect: string }>(sql`
        select public.record_delivery_attempts(
          ${delivery_id}, ${delivery_token}, ${result}, ${sql.json(attempts)}, null) as answer`);
    },
    claim(leaseSeconds = 30) {
      return one<Held | null>(sql`select public.claim_due_delivery(${leaseSeconds}) as answer`);
    },
    takeOver(jobId: string, maxTakeOvers = 3) {
      return one<Outcome & { run?: { lease_token: number } }>(sql`
        select public.take_over_report_job(${jobId}, 60, ${maxTakeOvers}) as answer`);
    },
    redrive(filter: postgres.JSONValue = {}, actor = 'somebody') {
      return one<number>(sql`select public.redrive_deliveries(${sql.json(filter)}, ${actor}, 500) as answer`);
    },
    prune(limit = 100) {
      return one<Record<'audit' | 'refusals' | 'payloads' | 'jobs', number>>(sql`
        select public.prune_expired(90, 30, 60, ${limit}) as answer`);
    },
  };
}

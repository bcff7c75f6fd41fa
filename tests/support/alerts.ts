import type postgres from 'postgres';

interface Evaluation {
  evaluated: boolean;
  changes: { alert_id: string; rule: string; subject: string; resolved_at: string | null }[];
  failures: { subject: string; facts: { sqlstate: string } }[];
}

interface EvaluationOptions {
  notify?: boolean;
  functionTime?: string | null;
  secrets?: postgres.JSONValue;
  unlessSwept?: boolean;
}

/** Evaluates alerts in SQL, as a sweep or a request does, for tests of what they say. */
export function alertsOf(sql: postgres.Sql) {
  return {
    async evaluate(
      { notify = true, functionTime = null, secrets = null, unlessSwept = false }: EvaluationOptions = {},
      through: postgres.ISql = sql,
    ): Promise<Evaluation> {
      const [row] = await through`
        select public.evaluate_alerts(
          ${notify}, ${functionTime}, ${secrets === null ? null : sql.json(secrets)}, ${unlessSwept}) as answer`;
      // Safe: that is what the function answers.
      return row?.['answer'] as Evaluation;
    },

    /** So much time passes for alerts and what is sent of them; readings stay as they are. */
    async pass(interval: string): Promise<void> {
      await sql`
        update public.alerts
        set pending_since = pending_since - ${interval}::interval, fired_at = fired_at - ${interval}::interval,
          good_since = good_since - ${interval}::interval, resolved_at = resolved_at - ${interval}::interval`;
      await sql`
        update public.alert_deliveries
        set created_at = created_at - ${interval}::interval, next_attempt = next_attempt - ${interval}::interval,
          lease_expires_at = lease_expires_at - ${interval}::interval`;
    },

    /** Open alerts, and those that are over. */
    async rows() {
      const rows = await sql<
        { id: string; rule: string; subject: string; state: string; affected: number; facts: unknown }[]
      >`select id, rule, subject, state, affected::int, facts from public.alerts order by pending_since, rule, subject`;
      return [...rows];
    },

    /** What is to be sent, as `firing latency:final-report`. */
    async sent(): Promise<string[]> {
      const rows = await sql`
        select delivery.transition || ' ' || alert.rule || ':' || alert.subject as text
        from public.alert_deliveries delivery join public.alerts alert on alert.id = delivery.alert_id
        order by delivery.created_at, delivery.transition, 1`;
      return rows.map(({ text }) => String(text));
    },

    sweepNow: () => sql`select public.record_sweep(gen_random_uuid()::text)`,

    /** All is quiet, and has been: no alert, nothing that a rule would call bad. */
    async quiet(): Promise<void> {
      await sql`delete from public.alerts where true`;
      await sql`delete from public.alert_silences where true`;
      await sql`select public.record_sweep(gen_random_uuid()::text)`;
    },
  };
}

import type postgres from 'postgres';

/** What must hold after each order, and does not. */
export async function brokenInvariants(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ problem: string }[]>`
    select problem || ': ' || concat_ws(', ', report_id, event_id, job_id) as problem from explore.verify()
    union all
    select format('event %s has %s audit rows that say it was applied', event_id, count(*))
    from public.webhook_audit where direction = 'in' and outcome = 'applied' group by event_id having count(*) > 1
    union all
    select format('the positions of report %s have a gap', report_id)
    from public.report_events where position is not null group by report_id having max(position) <> count(distinct position)
    union all
    select format('a report is not imported: %s', error) from private.reports_to_import where error is not null
    union all
    select format('plan %s failed: %s', id, last_error) from public.plans where last_error is not null
    union all
    -- A batch answers busy for whatever it catches. Waiting without effect is no failure.
    select format('a batch caught an error: %s', error_message) from public.webhook_audit
    where error_message like 'not applied: SQLSTATE %' and error_message not like '%55P03'`;
  return rows.map(({ problem }) => problem);
}

-- Definer rights: the platform's functions call it with the service key, which has no rights on our tables.
create or replace function public.get_failed_webhooks(max_attempts int default 3, retry_after_minutes int default 5)
returns table (table_name text, record_id uuid, job_id text, webhook_attempts int, last_attempt timestamptz)
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select private.report_table(due.report_type), due.report_id, due.job_id, due.attempts, due.last_attempt
  from private.due_deliveries due
  where due.attempts < max_attempts
    and exists (select from public.webhook_endpoints where id = due.endpoint_id and kind = 'internal')
    and (due.last_attempt is null or due.last_attempt <= now() - make_interval(mins => retry_after_minutes))
  order by due.next_attempt, due.id
$$;

comment on function public.get_failed_webhooks(int, int) is
  'Reports whose webhook failed fewer than max_attempts times, the last retry_after_minutes ago or longer.';
revoke all on function public.get_failed_webhooks(int, int) from public, anon, authenticated, service_role;
grant execute on function public.get_failed_webhooks(int, int) to service_role;

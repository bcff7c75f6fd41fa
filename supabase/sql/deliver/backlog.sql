create or replace function private.backlog()
returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'due', (
      select count(*) from (
        select from private.due_deliveries due
        where due.endpoint_id not in (select endpoint_id from public.webhook_circuits where opened_at is not null)
          and due.endpoint_id not in (select endpoint_id from private.subscribers where state <> 'active')
        limit 20001) counted),
    'confirmed', (
      select count(*) from public.webhook_audit
      where direction = 'out' and outcome = 'delivered' and endpoint_id in (select id from public.webhook_endpoints)
        and created_at > now() - interval '1 minute'))
$$;

comment on function private.backlog() is
  'How many deliveries are due and can be sent now, counted up to 20,001, and how many were confirmed in the last minute: {due, confirmed}.';
revoke all on function private.backlog() from public, anon, authenticated, service_role;

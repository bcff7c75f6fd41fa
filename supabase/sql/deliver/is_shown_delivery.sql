create or replace function private.is_shown_delivery(p_delivery public.webhook_deliveries)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return not exists (
    select from public.webhook_deliveries later
    where later.position is null and later.report_id = p_delivery.report_id and later.report_type = p_delivery.report_type
      and later.id > p_delivery.id);
end
$$;

comment on function private.is_shown_delivery(public.webhook_deliveries) is
  'Whether a delivery to our own endpoints is the latest one of its report, whose state the report shows. The caller holds the report''s lock.';
revoke all on function private.is_shown_delivery(public.webhook_deliveries) from public, anon, authenticated, service_role;

create or replace function private.is_overtaken(p_delivery public.webhook_deliveries)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
      select from private.endpoint_revisions
      where endpoint_id = p_delivery.endpoint_id and superseded_by is null and mode = 'latest')
    and exists (
      select from public.webhook_deliveries later
      where later.endpoint_id = p_delivery.endpoint_id and later.report_id = p_delivery.report_id
        and later.report_type = p_delivery.report_type and later.plan = 0 and later.position > p_delivery.position
        and later.status not in ('success', 'superseded', 'cancelled') and later.dead_at is null);
end
$$;

comment on function private.is_overtaken(public.webhook_deliveries) is
  'Whether a newer one of its report waits, for a subscriber that wants the latest only.';
revoke all on function private.is_overtaken(public.webhook_deliveries) from public, anon, authenticated, service_role;

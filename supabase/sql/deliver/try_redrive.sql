create or replace function private.try_redrive(p_delivery_id bigint, p_plan public.plans)
returns text
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_delivery public.webhook_deliveries;
begin
  -- Asked again under the lock: it may have been redriven, and have died again, since.
  select * into v_delivery from public.webhook_deliveries
  where id = p_delivery_id and dead_at <= p_plan.created_at and not private.is_closed(dead_reason)
  for update skip locked;
  if v_delivery.id is null then
    return case when exists (
      select from public.webhook_deliveries
      where id = p_delivery_id and dead_at <= p_plan.created_at and not private.is_closed(dead_reason))
      then 'held' else 'changed' end;
  end if;
  perform private.put_back(v_delivery, p_plan.actor, jsonb_build_object('plan', p_plan.id));
  return 'redriven';
exception
  when lock_not_available then
    return 'held';
  when others then
    return 'error';
end
$$;

comment on function private.try_redrive(bigint, public.plans) is
  'Redrives a dead letter for a plan if that needs no waiting: redriven, changed (it is no dead letter any more), held (another transaction holds it or its report), error.';
revoke all on function private.try_redrive(bigint, public.plans) from public, anon, authenticated, service_role;

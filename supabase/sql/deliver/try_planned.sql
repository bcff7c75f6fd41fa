create or replace function private.try_planned(p_delivery_id bigint, p_plan public.plans)
returns text
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_delivery public.webhook_deliveries;
begin
  -- Checked again under the lock: another process may have sent or redriven it since.
  select * into v_delivery from public.webhook_deliveries delivery
  where id = p_delivery_id and private.is_planned(delivery, p_plan.kind, p_plan.created_at)
  for update skip locked;
  if v_delivery.id is null then
    return case when exists (
      select from public.webhook_deliveries delivery
      where id = p_delivery_id and private.is_planned(delivery, p_plan.kind, p_plan.created_at))
      then 'held' else 'changed' end;
  elsif v_delivery.dead_at is null then
    perform private.bring_forward(v_delivery, p_plan);
    return 'brought_forward';
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

comment on function private.try_planned(bigint, public.plans) is
  'Makes a delivery due for a plan if that needs no waiting: brought_forward, redriven (a dead letter), changed (the plan is not about it any more), held (another transaction holds it or its report), error.';
revoke all on function private.try_planned(bigint, public.plans) from public, anon, authenticated, service_role;

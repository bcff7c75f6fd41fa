-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
--
-- The row lock of the plan serves as its lease: a slice and its progress are one transaction. If a process dies, nothing is
-- left half done, and no lease must expire. It is the first lock of its transaction.
create or replace function public.work_plan(p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_examined constant int := 5000;
  -- Deliveries held by other transactions are tried again after a minute.
  c_passes constant int := 5;
  c_pause constant interval := '1 minute';
  c_faults constant int := 5;
  v_plan public.plans;
  v_planned record;
  v_slice jsonb;
  v_is_pass_over boolean;
begin
  select * into v_plan from public.plans
  where status = 'running' and next_slice_at <= now()
  order by next_slice_at, id limit 1 for update skip locked;
  if v_plan.id is null then
    return null;
  end if;
  begin
    if v_plan.kind in ('replay', 'start') then
      v_plan := private.work_replay(v_plan, p_limit);
      update public.plans
      set status = v_plan.status, outcomes = v_plan.outcomes, position = v_plan.position, applied_at = v_plan.applied_at,
        applied_xid = v_plan.applied_xid, next_slice_at = v_plan.next_slice_at, faults = 0, last_error = v_plan.last_error,
        finished_at = v_plan.finished_at
      where id = v_plan.id;
      return jsonb_build_object('plan_id', v_plan.id, 'status', v_plan.status, 'redriven', 0);
    end if;
    v_planned := private.planned_deliveries(
      v_plan.kind, v_plan.filter, v_plan.created_at, v_plan.position, c_examined, p_limit);
    -- In the order of the reports, whose locks each delivery takes.
    select coalesce(jsonb_object_agg(outcome, deliveries), '{}') into v_slice
    from (
      select outcome, count(*) as deliveries
      from (
        select private.try_planned(id, v_plan) as outcome
        from (
          select id from public.webhook_deliveries where id = any (v_planned.ids)
          order by report_type, report_id, id offset 0) planned) tried
      group by outcome) counted;
  exception when query_canceled or others then
    -- Also catches the call's time-out: otherwise the slice would be tried again at once, for ever.
    update public.plans
    set faults = faults + 1, last_error = "left"(sqlerrm, 200), next_slice_at = now() + c_pause,
      status = case when faults + 1 >= c_faults then 'failed' else status end,
      finished_at = case when faults + 1 >= c_faults then now() end
    where id = v_plan.id
    returning * into v_plan;
    if v_plan.kind = 'start' and v_plan.status = 'failed' then
      perform private.begin_live(v_plan.filter ->> 'endpoint_id', 'start failed', v_plan.actor);
    end if;
    return jsonb_build_object('plan_id', v_plan.id, 'status', v_plan.status, 'redriven', 0, 'error', v_plan.last_error);
  end;
  v_plan.outcomes := v_plan.outcomes || (
    select coalesce(jsonb_object_agg(key, value::int + coalesce((v_plan.outcomes ->> key)::int, 0)), '{}')
    from jsonb_each_text(v_slice));
  v_is_pass_over := v_planned.examined < c_examined and cardinality(v_planned.ids) < p_limit;
  v_plan.position := coalesce(v_planned.last, v_plan.position);
  v_plan.next_slice_at := now();
  if v_is_pass_over then
    v_plan.passes := v_plan.passes + 1;
    if v_plan.passes < c_passes and v_plan.outcomes ?| '{held,error}'::text[] then
      v_plan.position := null;
      v_plan.outcomes := v_plan.outcomes - '{held,error}'::text[];
      v_plan.next_slice_at := now() + c_pause;
    else
      v_plan.status := 'done';
      v_plan.finished_at := now();
    end if;
  end if;
  update public.plans
  set outcomes = v_plan.outcomes, position = v_plan.position, passes = v_plan.passes, faults = 0, last_error = null,
    next_slice_at = v_plan.next_slice_at, status = v_plan.status, finished_at = v_plan.finished_at
  where id = v_plan.id;
  return jsonb_build_object(
    'plan_id', v_plan.id, 'status', v_plan.status, 'redriven', coalesce((v_slice ->> 'redriven')::int, 0) + coalesce((v_slice ->> 'brought_forward')::int, 0));
end
$$;

comment on function public.work_plan(int) is
  'Does the next slice, of up to p_limit deliveries, of the plan that has waited longest. Waits for no lock. Returns {plan_id, status, redriven, error?} (redriven: how many deliveries it made due), null when no plan has anything to do now. A call that is repeated does the slice after it.';
revoke all on function public.work_plan(int) from public, anon, authenticated, service_role;
grant execute on function public.work_plan(int) to service_role;

-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.cancel_plan(p_plan_id int, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_plan public.plans;
begin
  -- Waits for the slice in progress.
  update public.plans set status = 'cancelled', cancelled_by = p_actor, finished_at = now()
  where id = p_plan_id and status in ('proposed', 'running');
  if found and exists (select from public.plans where id = p_plan_id and kind = 'start') then
    -- Otherwise the subscriber of a cancelled start would never get events.
    perform private.begin_live(filter ->> 'endpoint_id', 'start cancelled', p_actor) from public.plans where id = p_plan_id;
  end if;
  select * into v_plan from public.plans where id = p_plan_id;
  if v_plan.id is null then
    return '{"outcome": "plan_not_found"}';
  end if;
  return jsonb_build_object('outcome', v_plan.status, 'plan', private.plan_view(v_plan));
end
$$;

comment on function public.cancel_plan(int, text) is
  'Ends a plan that is running: no further slice begins, and what was done stays done; deliveries of a replay that are not sent yet are cancelled by the next sweep; a subscriber whose start in the past it was hears of events from now on. Returns {outcome, plan}: the plan as it stands, which may have ended before, or plan_not_found.';
revoke all on function public.cancel_plan(int, text) from public, anon, authenticated, service_role;
grant execute on function public.cancel_plan(int, text) to service_role;

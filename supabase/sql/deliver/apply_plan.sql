-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_plan(p_plan_id int, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_plan public.plans;
begin
  select * into v_plan from public.plans where id = p_plan_id for update;
  if v_plan.id is null then
    return '{"outcome": "plan_not_found"}';
  elsif v_plan.status = 'proposed' then
    update public.plans
    set status = 'running', applied_at = clock_timestamp(), next_slice_at = now()
    where id = p_plan_id
    returning * into v_plan;
    perform private.add_audit(
      p_direction => 'in', p_outcome => 'plan_applied', p_actor => p_actor,
      p_payload => jsonb_build_object('endpoint', 'plans', 'plan', v_plan.id, 'kind', v_plan.kind, 'reason', v_plan.reason));
  end if;
  return jsonb_build_object('outcome', 'applied', 'plan', private.plan_view(v_plan));
end
$$;

comment on function public.apply_plan(int, text) is
  'Begins a proposed plan. A repeated call, or one for a plan that runs or has ended, returns the plan unchanged. Returns {outcome: applied|plan_not_found, plan}.';
revoke all on function public.apply_plan(int, text) from public, anon, authenticated, service_role;
grant execute on function public.apply_plan(int, text) to service_role;

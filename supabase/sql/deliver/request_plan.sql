-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.request_plan(
  p_request_id uuid, p_kind text, p_name text, p_reason text, p_filter jsonb, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Limit of the count, which bounds its cost.
  c_counted constant int := 20000;
  v_plan public.plans;
  v_planned record;
begin
  perform private.await_same_call(p_request_id::text);
  select * into v_plan from public.plans where request_id = p_request_id;
  if v_plan.id is null then
    if p_kind = 'replay' then
      insert into public.plans (request_id, kind, name, reason, filter, actor, status, preview)
      values (p_request_id, p_kind, p_name, p_reason, p_filter, p_actor, 'proposed', private.preview_replay(p_filter))
      returning * into v_plan;
      return jsonb_build_object('outcome', 'planned', 'plan', private.plan_view(v_plan));
    end if;
    v_planned := private.planned_deliveries(p_kind, p_filter, now(), null, c_counted, c_counted);
    insert into public.plans (request_id, kind, name, reason, filter, actor, total)
    values (
      p_request_id, p_kind, p_name, p_reason, p_filter, p_actor,
      case when v_planned.examined < c_counted then cardinality(v_planned.ids) end)
    returning * into v_plan;
  elsif (v_plan.kind, v_plan.name, v_plan.reason, v_plan.filter, v_plan.actor)
    is distinct from (p_kind, p_name, p_reason, p_filter, p_actor)
  then
    return '{"outcome": "idempotency_conflict"}';
  end if;
  return jsonb_build_object('outcome', 'planned', 'plan', private.plan_view(v_plan));
end
$$;

comment on function public.request_plan(uuid, text, text, text, jsonb, text) is
  'Writes down what a person asks to be done with many deliveries; work_plan() does it. A replay is proposed, with what it would do; apply_plan() begins it. Returns {outcome: planned|idempotency_conflict, plan}. A repeated call is recognised by p_request_id.';
revoke all on function public.request_plan(uuid, text, text, text, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function public.request_plan(uuid, text, text, text, jsonb, text) to service_role;

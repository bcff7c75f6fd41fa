-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.evaluate_alerts(
  p_notify boolean, p_function_time timestamptz default null, p_secrets jsonb default null,
  p_unless_swept boolean default false)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' set lock_timeout = '500ms' as $$
declare
  v_rule private.alert_rules;
  v_readings jsonb;
  v_failures jsonb := '[]';
  v_changes jsonb := '[]';
begin
  if p_unless_swept and not private.is_unwatched() then
    return '{"evaluated": false}';
  elsif not pg_try_advisory_xact_lock(hashtextextended('polaris evaluate_alerts', 0)) then
    -- Another call is evaluating.
    return '{"evaluated": false}';
  end if;
  update private.watch_state
  set evaluated_at = now(),
    clock_ahead_seconds = coalesce(extract(epoch from p_function_time - clock_timestamp()), clock_ahead_seconds)
  where only_row;

  -- A failing rule is an alert of its own and does not stop the others. If a rule uses up the call's time, the call ends: its
  -- time-out fires only once, so a further slow rule would run without limit. That rule comes last in the next call.
  begin
    perform private.note_table_sizes();
    if p_secrets is not null then
      perform private.note_secrets(p_secrets);
    end if;
  exception when query_canceled or others then
    v_failures := v_failures || jsonb_build_object(
      'subject', 'notes', 'value', 1, 'affected', 1, 'facts', jsonb_build_object('sqlstate', sqlstate));
  end;
  for v_rule in
    select * from private.alert_rules rule
    where rule <> 'rule_failing'
    order by exists (
      select from public.alerts failing
      where failing.rule = 'rule_failing' and failing.subject = rule.rule and failing.state <> 'resolved'), rule
  loop
    begin
      v_readings := '[]';
      if v_rule.enabled then
        execute format(
          'select coalesce(jsonb_agg(reading), ''[]'') from (select * from private.%I($1) limit 100) reading',
          'alert_on_' || v_rule.rule)
        into v_readings using v_rule;
      end if;
      v_changes := v_changes || private.apply_readings(v_rule, v_readings, p_notify);
    exception when query_canceled or others then
      v_failures := v_failures || jsonb_build_object(
        'subject', v_rule.rule, 'value', 1, 'affected', 1, 'facts', jsonb_build_object('sqlstate', sqlstate));
      exit when sqlstate = '57014';
    end;
  end loop;
  select * into v_rule from private.alert_rules where rule = 'rule_failing';
  v_changes := v_changes || private.apply_readings(
    v_rule, case when v_rule.enabled then v_failures else '[]' end, p_notify);
  return jsonb_build_object(
    'evaluated', true, 'changes', v_changes, 'failures', v_failures,
    'firing', (select count(*) from public.alerts where state = 'firing'));
end
$$;

comment on function public.evaluate_alerts(boolean, timestamptz, jsonb, boolean) is
  'Evaluates every rule, one call at a time: {evaluated, changes, failures, firing}; evaluated false: another call does, or p_unless_swept and a sweep came within three minutes. p_notify: write what is to be sent. p_function_time: the clock of the caller. p_secrets: see note_secrets().';
revoke all on function public.evaluate_alerts(boolean, timestamptz, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function public.evaluate_alerts(boolean, timestamptz, jsonb, boolean) to service_role;

-- Definer rights: operators may read silences and the audit; only these functions write them for an operator.
create or replace function public.silence_alert(
  p_reason text, p_until timestamptz, p_rule text default null, p_subject text default null)
returns uuid
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_longest constant interval := '30 days';
  v_id uuid;
begin
  perform private.require_operator();
  if nullif(btrim(p_reason), '') is null or length(p_reason) > 1000 then
    raise exception 'p_reason must have 1 to 1000 characters' using errcode = 'invalid_parameter_value';
  elsif p_until is null or p_until <= now() or p_until > now() + c_longest then
    raise exception 'p_until must be a time within the next 30 days' using errcode = 'invalid_parameter_value';
  end if;
  insert into public.alert_silences (rule, subject, until, author, reason)
  values (p_rule, p_subject, p_until, auth.uid(), btrim(p_reason))
  returning id into v_id;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'alerts_silenced', p_actor => auth.uid()::text,
    p_payload => jsonb_build_object(
      'endpoint', 'alerts', 'silence_id', v_id, 'rule', p_rule, 'subject', p_subject, 'until', private.iso_time(p_until)));
  return v_id;
end
$$;

comment on function public.silence_alert(text, timestamptz, text, text) is
  'Silences alerts until then, at most for 30 days, for an operator, and audits it. In p_rule and p_subject an asterisk stands for any text; null: all. Returns the id of the silence.';
revoke all on function public.silence_alert(text, timestamptz, text, text) from public, anon, authenticated, service_role;
grant execute on function public.silence_alert(text, timestamptz, text, text) to authenticated;

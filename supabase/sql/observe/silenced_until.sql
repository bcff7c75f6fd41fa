create or replace function private.silenced_until(p_rule text, p_subject text)
returns timestamptz
language sql stable set search_path = '' as $$
  select max(silence.until) from public.alert_silences silence
  where silence.ended_at is null and silence.until > now()
    and (silence.rule is null or p_rule like private.as_pattern(silence.rule))
    and (silence.subject is null or p_subject like private.as_pattern(silence.subject))
$$;

comment on function private.silenced_until(text, text) is
  'Until when alerts of this rule and subject are silenced; null: they are not.';
revoke all on function private.silenced_until(text, text) from public, anon, authenticated, service_role;
grant execute on function private.silenced_until(text, text) to authenticated;

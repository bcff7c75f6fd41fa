-- Definer rights: operators may read silences and the audit; only these functions write them for an operator.
create or replace function public.end_silence(p_id uuid)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  perform private.require_operator();
  update public.alert_silences set ended_at = now(), ended_by = auth.uid()
  where id = p_id and ended_at is null and until > now();
  if not found then
    return false;
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'silence_ended', p_actor => auth.uid()::text,
    p_payload => jsonb_build_object('endpoint', 'alerts', 'silence_id', p_id));
  return true;
end
$$;

comment on function public.end_silence(uuid) is
  'Ends a silence now, for an operator, and audits it. The next evaluation sends the silenced alerts. False: the silence has ended, or is unknown.';
revoke all on function public.end_silence(uuid) from public, anon, authenticated, service_role;
grant execute on function public.end_silence(uuid) to authenticated;

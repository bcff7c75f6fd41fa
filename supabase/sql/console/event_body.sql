-- Definer rights: nobody but our functions reads contents; it asks who the caller is itself.
create or replace function public.event_body(p_event_id text)
returns text
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  perform private.require_operator();
  return (
    select private.body_of(event, 1, 'full')
    from public.report_events event where event.id = p_event_id and event.erased_at is null);
end
$$;

comment on function public.event_body(text) is
  'The bytes that each attempt of an event sends, so that an operator can send them by hand. Null: no such event, its content was erased, or it is too large to be sent.';
revoke all on function public.event_body(text) from public, anon, authenticated, service_role;
grant execute on function public.event_body(text) to authenticated;

create or replace function private.may_send(p_endpoint_id text)
returns boolean
language plpgsql volatile set search_path = '' as $$
declare
  v_room int := private.sending_room(p_endpoint_id);
begin
  if v_room = 0 then
    return false;
  elsif v_room > 2 and not exists (
    select from private.endpoint_revisions
    where endpoint_id = p_endpoint_id and superseded_by is null and rate_per_second is not null)
  then
    -- Without a lock: concurrent callers may exceed a wide limit a little, which is harmless.
    return true;
  end if;
  -- With little room, one caller at a time, so that each sees the others' claims. A caller that does not get this lock does
  -- not wait.
  return pg_try_advisory_xact_lock(hashtextextended('polaris.send:' || p_endpoint_id, 0))
    and private.sending_room(p_endpoint_id) > 0;
end
$$;

comment on function private.may_send(text) is
  'Whether the caller, who claims a delivery in this transaction, may send to this endpoint now.';
revoke all on function private.may_send(text) from public, anon, authenticated, service_role;

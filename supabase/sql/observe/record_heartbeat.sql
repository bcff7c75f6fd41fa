create or replace function private.record_heartbeat(p_source text, p_id text)
returns private.heartbeats
language sql volatile set search_path = '' as $$
  update private.heartbeats
  set beats = beats + (last_id is distinct from p_id)::int, last_id = p_id, last_at = clock_timestamp()
  where source = p_source
  returning *
$$;

comment on function private.record_heartbeat(text, text) is
  'Counts one sign of life. A repeated call, recognised by the id of the last one, is not counted again.';
revoke all on function private.record_heartbeat(text, text) from public, anon, authenticated, service_role;

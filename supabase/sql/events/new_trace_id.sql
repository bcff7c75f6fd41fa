create or replace function private.new_trace_id()
returns text
language plpgsql volatile set search_path = '' as $$
begin
  return replace(gen_random_uuid()::text, '-', '');
end
$$;

comment on function private.new_trace_id() is
  'The id of a trace that begins here: 32 hexadecimal digits (W3C Trace Context, trace-id).';
revoke all on function private.new_trace_id() from public, anon, authenticated, service_role;

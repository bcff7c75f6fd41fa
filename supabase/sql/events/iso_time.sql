create or replace function private.iso_time(p_time timestamptz)
returns text
language plpgsql stable set search_path = '' as $$
begin
  return to_char(p_time at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end
$$;

comment on function private.iso_time(timestamptz) is
  'A time as JSON carries it: ISO 8601, UTC, milliseconds.';
revoke all on function private.iso_time(timestamptz) from public, anon, authenticated, service_role;

create or replace function private.import_time(p_time timestamptz, p_now timestamptz)
returns timestamptz
language plpgsql immutable set search_path = '' as $$
begin
  return case when p_time is not null then greatest(least(p_time, p_now), 'epoch') end;
end
$$;

comment on function private.import_time(timestamptz, timestamptz) is
  'A time that others wrote before the upgrade, in the years that JSON and our clients can carry: not before 1970, not after p_now. Null stays null.';
revoke all on function private.import_time(timestamptz, timestamptz) from public, anon, authenticated, service_role;

create or replace function private.plain_ids(p_ids text[])
returns text[]
language plpgsql immutable set search_path = '' as $$
begin
  -- Callers and the platform may choose any text as a job id.
  return array(
    select id from unnest(p_ids) with ordinality as given (id, place) where id ~ '^[A-Za-z0-9_-]{1,128}$' order by place limit 5);
end
$$;

comment on function private.plain_ids(text[]) is
  'The first five that look like ids of ours. Others are left out of alerts, which nobody else may write into.';
revoke all on function private.plain_ids(text[]) from public, anon, authenticated, service_role;

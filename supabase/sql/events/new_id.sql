create or replace function private.new_id(p_prefix text)
returns text
language plpgsql volatile set search_path = '' as $$
begin
  return p_prefix || replace(gen_random_uuid()::text, '-', '');
end
$$;

comment on function private.new_id(text) is
  'A new id with 122 random bits, without a dot: evt_…, own_….';
revoke all on function private.new_id(text) from public, anon, authenticated, service_role;

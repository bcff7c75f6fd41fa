create or replace function private.applied_migrations()
returns text[]
language plpgsql stable set search_path = '' as $$
begin
  if to_regclass('supabase_migrations.schema_migrations') is null then
    return null;
  end if;
  return array(select version from supabase_migrations.schema_migrations order by version);
end
$$;

comment on function private.applied_migrations() is
  'The versions in the history of `supabase db push`. Null: this database has no history.';
revoke all on function private.applied_migrations() from public, anon, authenticated, service_role;

-- Why: where the project has Realtime, the console hears of changes instead of asking again and again. Only tables without
-- any report's text, prompt or metadata: row level security decides who receives which row. Where there is no such
-- publication, as in a plain PostgreSQL, the console asks every few seconds, and shows the same.
do $$
declare
  v_table text;
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime' and not puballtables) then
    return;
  end if;
  foreach v_table in array '{webhook_deliveries,webhook_circuits,report_notifications}'::text[] loop
    if not exists (
      select from pg_catalog.pg_publication_tables
      where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = v_table)
    then
      execute format('alter publication supabase_realtime add table public.%I', v_table);
    end if;
  end loop;
end $$;

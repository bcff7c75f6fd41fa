CREATE OR REPLACE FUNCTION private.add_report_type (
  p_report_type text,
  p_table_name  text
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  insert into public.report_types (report_type, table_name) values (p_report_type, p_table_name);
  execute format(
    'alter table public.%I
       add column if not exists stage text check (stage in (''prelim'', ''final'')),
       add column if not exists winner_event_id text references public.report_events (id) deferrable initially deferred',
    p_table_name);
  execute format('create index on public.%I (user_id, created_at desc)', p_table_name);
  execute format('create index on public.%I (created_at desc, id desc)', p_table_name);
  execute format(
    'create trigger guard_owner_write before insert or update on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.guard_owner_write(%L)',
    p_table_name, p_report_type);
  execute format(
    'create trigger open_history after insert on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.open_history(%L)',
    p_table_name, p_report_type);
  execute format(
    'create trigger close_report after delete on public.%I for each row
       execute function private.close_report(%L)', p_table_name, p_report_type);
  execute format(
    'create policy "operators read" on public.%I for select to authenticated
       using ((select private.is_operator()))', p_table_name);
end $function$;

COMMENT ON FUNCTION "private"."add_report_type"(text, text) IS 'Makes a table of the platform''s shape take part: registry, columns, triggers, policies. Then private.apply_grants().';

REVOKE ALL ON FUNCTION "private"."add_report_type"(text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."add_report_type"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."add_report_type"(text, text) TO "postgres";

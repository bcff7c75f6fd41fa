create or replace function private.add_report_type(p_report_type text, p_table_name text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.report_types (report_type, table_name) values (p_report_type, p_table_name)
  on conflict (report_type) do nothing;
  perform private.write_report_functions();
  if not exists (
    select from pg_catalog.pg_attribute
    where attrelid = format('public.%I', p_table_name)::regclass and attname = 'winner_event_id')
  then
    -- Not valid: checking the existing rows would read all of them, under a lock that blocks even readers.
    execute format(
      'alter table public.%I
         add column stage text,
         add column winner_event_id text references public.report_events (id) deferrable initially deferred,
         add constraint report_stage_is_known check (stage in (''prelim'', ''final'')) not valid', p_table_name);
  end if;
  perform private.finish_table(p_table_name, p_now => true);
  execute format(
    'create or replace trigger lock_owner before update or delete on public.%I for each statement
       when (current_user in (''anon'', ''authenticated'')) execute function private.lock_owner()', p_table_name);
  execute format(
    'create or replace trigger guard_insert before insert on public.%I for each row
       when (current_user <> ''postgres'') execute function private.guard_insert()', p_table_name);
  execute format(
    'create or replace trigger record_owner_insert after insert on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.record_insert(%L, ''owner'')',
    p_table_name, p_report_type);
  -- The SQL editor and our own functions both run as the table's owner; only the data tell them apart.
  execute format(
    'create or replace trigger record_platform_insert after insert on public.%I for each row
       when (current_user not in (''anon'', ''authenticated'')
         and (current_user <> ''postgres'' or new.research_report is not null and new.winner_event_id is null))
       execute function private.record_insert(%L, ''platform'')', p_table_name, p_report_type);
  execute format(
    'create or replace trigger record_owner_write before update on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.record_write(%L, ''owner'')',
    p_table_name, p_report_type);
  execute format(
    'create or replace trigger record_platform_write before update on public.%I for each row
       when (current_user not in (''anon'', ''authenticated'')
         and (current_user <> ''postgres'' or new.winner_event_id is not distinct from old.winner_event_id
           and (new.research_report is distinct from old.research_report
             or new.research_metadata is distinct from old.research_metadata)))
       execute function private.record_write(%L, ''platform'')', p_table_name, p_report_type);
  execute format(
    'create or replace trigger check_winner after update on public.%I for each row
       when (new.winner_event_id is distinct from old.winner_event_id) execute function private.check_winner(%L)',
    p_table_name, p_report_type);
  execute format(
    'create or replace trigger lose_content after update on public.%I for each row
       when (old.winner_event_id is not null and new.winner_event_id is distinct from old.winner_event_id)
       execute function private.lose_content()', p_table_name);
  -- Must run after the platform''s own trigger: triggers run in the order of their names.
  execute format(
    'create or replace trigger zz_keep_updated_at before update on public.%I for each row
       when (current_user = ''postgres'' and new.research_report is not distinct from old.research_report
         and new.winner_event_id is distinct from old.winner_event_id)
       execute function private.keep_updated_at()', p_table_name);
  execute format(
    'create or replace trigger close_report after delete on public.%I for each row
       execute function private.close_report(%L)', p_table_name, p_report_type);
  execute format('drop policy if exists "operators read" on public.%I', p_table_name);
  execute format(
    'create policy "operators read" on public.%I for select to authenticated
       using ((select private.is_operator()))', p_table_name);
end
$$;

comment on function private.add_report_type(text, text) is
  'Makes a table of the platform''s shape take part: registry, our columns, indexes, triggers and the policy for operators.';
revoke all on function private.add_report_type(text, text) from public, anon, authenticated, service_role;

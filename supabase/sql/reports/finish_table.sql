-- The only list of indexes and constraints that need a scan of a large table, of the platform's or of ours. A migration would
-- block writers meanwhile, so it builds them on small tables only; npm run upgrade builds the others without blocking.
create or replace function private.finish_table(p_table_name text, p_now boolean default false)
returns table (name text, statement text)
language plpgsql volatile set search_path = '' as $$
declare
  v_schema text := case p_table_name when 'job_runs' then 'private' else 'public' end;
  v_statement text;
  v_name text;
  v_is_small boolean;
begin
  execute format('select not exists (select from %I.%I offset 1000 limit 1)', v_schema, p_table_name) into v_is_small;
  foreach v_statement in array case p_table_name
    when 'webhook_audit' then array[
      'alter table public.webhook_audit validate constraint audit_direction_is_known',
      'create index webhook_audit_created_at on public.webhook_audit (created_at desc, id desc)',
      'create index webhook_audit_event on public.webhook_audit (event_id, created_at desc)',
      'create index webhook_audit_job on public.webhook_audit (job_id, created_at desc)',
      'create index webhook_audit_report on public.webhook_audit (report_id, created_at desc)',
      'create index webhook_audit_round on public.webhook_audit (delivery_id, round) where delivery_id is not null',
      'create index webhook_audit_attempts on public.webhook_audit (endpoint_id, created_at) include (outcome)
         where direction = ''out''',
      'create index webhook_audit_outcome on public.webhook_audit (outcome, created_at desc, id desc)
         where outcome not in (''applied'', ''delivered'')',
      'create index webhook_audit_actor on public.webhook_audit (actor, created_at desc, id desc) where actor is not null',
      'create index webhook_audit_response_status on public.webhook_audit (response_status, created_at desc, id desc)
         where response_status <> 200 or response_status is null']
    when 'job_runs' then array[
      'create index job_runs_unfinished on private.job_runs (created_at desc, job_id desc)
         where status in (''queued'', ''running'')',
      'create index job_runs_unsuccessful on private.job_runs (status, completed_at desc, job_id desc)
         where status in (''failed'', ''cancelled'')',
      -- Bytewise, so that a prefix search works in every collation.
      'create index job_runs_id_start on private.job_runs (job_id text_pattern_ops)',
      'create index job_runs_taken_over on private.job_runs (created_at desc, job_id desc) where take_overs > 0']
    when 'report_events' then array[
      'alter table public.report_events validate constraint event_type_is_known',
      'alter table public.report_events validate constraint event_type_fits_its_stage',
      'alter table public.report_events validate constraint edit_is_of_channel_owner',
      'alter table public.report_events validate constraint deletion_has_no_content',
      'create index report_events_id_start on public.report_events (id text_pattern_ops)',
      'create index report_events_applied on public.report_events (applied_xid, id) where applied_xid is not null',
      'create index report_events_applied_at on public.report_events (applied_at, id) where effect is not null']
    when 'webhook_deliveries' then array[
      'create index webhook_deliveries_dead_by_endpoint on public.webhook_deliveries (endpoint_id, dead_reason)
         where dead_at is not null',
      'alter table public.webhook_deliveries validate constraint delivery_format_is_known',
      'alter table public.webhook_deliveries validate constraint dead_reason_is_known',
      'alter table public.webhook_deliveries validate constraint only_subscribers_deliveries_are_withdrawn',
      'alter table public.webhook_deliveries validate constraint only_subscribers_deliveries_are_replayed',
      'alter table public.webhook_deliveries validate constraint waiting_delivery_is_open_and_has_an_order',
      'alter table public.webhook_deliveries validate constraint only_a_success_is_counted_on_arrival',
      -- Order of subscribers' deliveries: first deliveries, then retries, then replays.
      'create index webhook_deliveries_outward on public.webhook_deliveries (
         endpoint_id, (case when plan > 0 then 2 when rounds > 0 then 1 else 0 end), next_attempt, id)
         where position is not null and status not in (''success'', ''superseded'', ''cancelled'') and dead_at is null
           and waits_for is null',
      'create index webhook_deliveries_order on public.webhook_deliveries (endpoint_id, report_id, report_type, position)
         where position is not null and plan = 0 and status not in (''success'', ''superseded'', ''cancelled'') and dead_at is null',
      'create index webhook_deliveries_waits on public.webhook_deliveries (waits_for) where waits_for is not null',
      'create index webhook_deliveries_plan on public.webhook_deliveries (plan, status, id) where plan > 0',
      'create index webhook_deliveries_read on public.webhook_deliveries (endpoint_id, created_xid, id) where created_xid is not null']
    else array[
      format('alter table public.%I validate constraint report_stage_is_known', p_table_name),
      format('create index %I on public.%I (user_id, created_at desc)', p_table_name || '_owner', p_table_name),
      format('create index %I on public.%I (created_at desc, id desc)', p_table_name || '_created_at', p_table_name),
      -- Only built-in functions: writers of reports would need the right to execute one of ours. Values that are not objects
      -- have no words, and long names are cut, so no row fails. fastupdate is off, since a search would have to read the
      -- pending list.
      format('create index %I on public.%I using gin (to_tsvector(''pg_catalog.simple'', "left"(
        coalesce(user_data ->> ''full_name'', '''') || '' '' || coalesce(user_data ->> ''requirement_title'', '''') || '' ''
        || coalesce(user_data ->> ''title'', '''') || '' '' || coalesce(user_data ->> ''name'', '''') || '' ''
        || coalesce(user_data ->> ''organisation_name'', ''''), 1000))) with (fastupdate = off)', p_table_name || '_words', p_table_name)]
    end
  loop
    v_name := substring(v_statement from '(?:create index|validate constraint) (\w+)');
    continue when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass(v_schema || '.' || v_name) and indisvalid);
    continue when exists (
      select from pg_catalog.pg_constraint
      where conrelid = to_regclass(v_schema || '.' || p_table_name) and conname = v_name and convalidated);
    if p_now and v_is_small then
      execute v_statement;
    else
      name := v_name;
      statement := v_statement;
      return next;
    end if;
  end loop;
end
$$;

comment on function private.finish_table(text, boolean) is
  'The indexes that a report table, webhook_audit, webhook_deliveries, report_events or private.job_runs lacks, and the constraints that nobody has validated there, with the statement for each. p_now: where the table has at most 1,000 rows, they are made at once and not returned.';
revoke all on function private.finish_table(text, boolean) from public, anon, authenticated, service_role;

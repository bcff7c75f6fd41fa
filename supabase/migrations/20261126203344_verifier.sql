-- Why: The verifier did not see every rule that a row can break: effects without an audit row, what is never due, and more.

-- Few rows.
alter table private.subscribers
  add constraint subscriber_that_was_at_work_is_verified check (state not in ('active', 'paused') or verified_at is not null);
alter table private.endpoint_revisions
  add constraint revision_is_superseded_by_a_later_one check (superseded_by > id);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/finish_table.sql
-- The one list of what costs a scan of a large table, of the platform or of ours. A migration would block its writers meanwhile: it does
-- this on small tables only, and npm run upgrade does the rest while everything else goes on.
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
      -- Byte by byte, so that the beginning of an id finds it in every collation.
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
      -- What subscribers wait for: first deliveries before retries before replays.
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
      -- Of built-in functions alone: whoever writes a report would need the right to execute one of ours. What is no object has no
      -- words, and a long name is cut, so that no row fails. Written at once, since a search would read what is put off.
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

-- supabase/sql/reports/record_write.sql
-- Definer rights: people and servers who write reports may not write events.
create or replace function private.record_write()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_type text := tg_argv[0];
  v_channel text := tg_argv[1];
  v_is_edit boolean := new.research_report is distinct from old.research_report
    or new.research_metadata is distinct from old.research_metadata;
  v_has_text boolean;
  v_failed boolean;
  v_job_id text;
  v_event public.report_events;
  v_row private.report_row;
begin
  -- A second update of the row in this transaction asks its foreign keys for the user again, with the report locked: the
  -- lock is taken now, while that needs no waiting. Owners' statements have it (lock_owner()).
  perform from auth.users where v_channel = 'platform' and id = old.user_id for key share skip locked;
  if v_channel = 'owner' then
    perform private.count_owner_write();
  end if;
  -- Imported here from OLD: an update of the row, or a trigger before this one, would come too late or count as the write.
  if exists (select from private.reports_to_import where report_type = v_type and report_id = old.id) then
    -- Column by column: as JSON, a metadata that is the JSON null would become no metadata, which the table refuses.
    v_row := private.import_events(v_type, row(
      old.id, old.user_id, old.research_report, old.research_metadata, old.webhook_status, old.webhook_attempts,
      old.webhook_last_attempt, old.webhook_response, old.webhook_job_id, old.updated_at, old.winner_event_id,
      old.stage)::private.report_row);
    old.research_report := v_row.research_report;
    old.webhook_status := v_row.webhook_status;
    old.webhook_attempts := v_row.webhook_attempts;
    old.webhook_last_attempt := v_row.webhook_last_attempt;
    old.webhook_response := v_row.webhook_response;
    old.winner_event_id := v_row.winner_event_id;
    old.stage := v_row.stage;
  end if;
  -- Events and deliveries name the report by it.
  new.id := old.id;
  if v_channel = 'owner' then
    new.user_id := old.user_id;
    new.created_at := old.created_at;
    new.updated_at := now();
    -- What does not change is not checked: rows from before keep what they have.
    perform private.check_owner_values(
      case when new.user_data is distinct from old.user_data then new.user_data end,
      case when v_is_edit then new.research_report end, case when v_is_edit then new.research_metadata end);
  elsif new.created_at is distinct from old.created_at then
    new.created_at := private.import_time(coalesce(new.created_at, old.created_at), now());
  end if;
  if new.user_id is distinct from old.user_id then
    -- Given to somebody else: whose it was is told nothing of it any more.
    update public.report_notifications set user_id = new.user_id
    where event_id in (select id from public.report_events where report_id = old.id and report_type = v_type);
  end if;
  -- A job counts only where this write names it: what stands in the row from before is the winner's job. The platform's fallback
  -- names it in the metadata, and empties the column.
  v_job_id := coalesce(
    case when new.webhook_job_id is distinct from old.webhook_job_id then new.webhook_job_id end,
    case when new.research_metadata ->> 'job_id' is distinct from old.research_metadata ->> 'job_id'
      then new.research_metadata ->> 'job_id' end);
  new.stage := old.stage;
  new.winner_event_id := old.winner_event_id;
  new.webhook_status := old.webhook_status;
  new.webhook_attempts := old.webhook_attempts;
  new.webhook_last_attempt := old.webhook_last_attempt;
  new.webhook_response := old.webhook_response;
  new.webhook_job_id := old.webhook_job_id;
  v_has_text := new.research_report is distinct from old.research_report
    or v_channel = 'owner' and old.winner_event_id is not null
      and new.research_metadata is distinct from old.research_metadata;
  if v_has_text then
    perform private.refuse_first_version(v_channel);
    perform private.count_foreign_write();
    v_failed := v_channel = 'platform' and new.research_status = 'failed' and private.is_blank(new.research_report);
    v_event := private.record_foreign(
      v_type, old.id, v_channel, new.research_report, new.research_metadata, v_failed, old.stage, old.winner_event_id, v_job_id);
  end if;
  if v_event.effect = 'applied' and v_event.status = 'completed' then
    new.winner_event_id := v_event.id;
    new.stage := v_event.stage;
    if v_row.winner_event_id is not null then
      -- Imported by this statement, so that lose_content() does not see it in the row.
      update private.report_contents set lost_at = v_event.applied_at where event_id = v_row.winner_event_id;
    end if;
  elsif v_has_text then
    new.research_report := old.research_report;
    new.research_metadata := old.research_metadata;
  elsif old.winner_event_id is not null or v_channel = 'owner' then
    -- Metadata is the winner's.
    new.research_metadata := old.research_metadata;
  end if;
  new.research_status := private.report_status(v_type, old.id);
  return new;
end
$$;

comment on function private.record_write() is
  'What others write into a report: a text becomes an event, and the row shows it where it wins. What only our functions may change keeps its value.';
revoke all on function private.record_write() from public, anon, authenticated, service_role;

-- supabase/sql/jobs/is_never_due.sql
create or replace function private.is_never_due(p_job private.job_runs)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  -- A lease lasts minutes, and a deadline seven days at most.
  return p_job.status in ('queued', 'running') and case when p_job.generate
    then p_job.lease_expires_at > now() + interval '1 day' else p_job.deadline > now() + interval '8 days' end;
end
$$;

comment on function private.is_never_due(private.job_runs) is
  'Whether an unfinished job waits for a time at which no sweep of the next days takes it over or ends it.';
revoke all on function private.is_never_due(private.job_runs) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_deliveries.sql
create or replace function private.verify_deliveries(p_report_type text, p_after uuid, p_to uuid)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
declare
  -- As in verify_range().
  v_audited_since timestamptz := case when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass('public.webhook_audit_event') and indisvalid)
    then now() - interval '1 day' else 'infinity' end;
begin
  return query
  select fault.problem, event.report_type, event.report_id, event.id, event.job_id
  from public.report_events event
  -- Event by event, however many the planner expects: a slice must not read the whole table.
  cross join lateral (select * from public.webhook_deliveries sent where sent.event_id = event.id offset 0) delivery
  left join public.webhook_endpoints endpoint on endpoint.id = delivery.endpoint_id
  cross join lateral (
    select 'an erased event that a delivery would still send' as problem
    where event.erased_at is not null and delivery.dead_at is null
      -- It has no content to be erased: it tells subscribers to forget what they have.
      and event.type <> 'report.deleted'
      and delivery.status not in ('success', 'superseded', 'cancelled')
    union all
    select 'a delivery of another report or job'
    where (delivery.report_type, delivery.report_id) <> (event.report_type, event.report_id)
      -- Of an imported event it is the job that the row named.
      or delivery.job_id is distinct from event.job_id and event.channel is distinct from 'import'
    union all
    select 'a delivery to an endpoint that is not there, or takes another stage'
    where endpoint.id is null or endpoint.stage <> event.stage
    union all
    select 'an open delivery that is never due'
    -- The last slot is 24 h, a fifth later at most. What a lease holds is free again when it ends.
    where delivery.dead_at is null and delivery.status not in ('success', 'superseded', 'cancelled')
      and greatest(delivery.next_attempt, delivery.lease_expires_at) > now() + interval '2 days'
    union all
    select 'a delivery that succeeded without an audit row'
    where delivery.status = 'success' and coalesce(delivery.last_attempt, delivery.created_at) > v_audited_since
      -- The first version audited in its own way.
      and event.channel is distinct from 'import'
      and not exists (
        select from public.webhook_audit audit
        where audit.event_id = event.id
          and (audit.delivery_id = delivery.id and audit.outcome = 'delivered'
            -- Our own endpoint says so itself.
            or endpoint.kind = 'internal' and audit.direction = 'in' and audit.outcome in ('applied', 'superseded', 'duplicate')))
    union all
    select 'a delivery of an erased event that keeps an answer'
    where event.erased_at is not null and event.type <> 'report.deleted'
      and delivery.response ?| '{response,error}'::text[]
    union all
    select 'a delivery to a subscriber without a position, or to our own endpoint with one'
    where (endpoint.kind = 'subscriber') <> (delivery.position is not null)
    union all
    select 'a delivery whose position is not that of its event'
    where delivery.position <> coalesce(event.position, 0)
    union all
    select 'a delivery that waits for none before it'
    where delivery.waits_for is not null and not exists (
      select from public.webhook_deliveries earlier
      where earlier.id = delivery.waits_for and earlier.endpoint_id = delivery.endpoint_id
        and (earlier.report_type, earlier.report_id) = (delivery.report_type, delivery.report_id)
        and (private.holds_back(earlier.id)
          -- Where its end could not wake this delivery, the next sweep does.
          or greatest(delivery.created_at, earlier.last_attempt, earlier.claimed_at, earlier.dead_at, earlier.lease_expires_at)
            > now() - interval '5 minutes'))
  ) fault
  where event.report_type = p_report_type
    and (event.report_id > p_after or p_after is null) and (event.report_id <= p_to or p_to is null);

  return query
  select 'two live deliveries of a report under way to one subscriber', flying.report_type, flying.report_id, max(flying.event_id), null
  from public.webhook_deliveries flying
  where flying.report_type = p_report_type
    and (flying.report_id > p_after or p_after is null) and (flying.report_id <= p_to or p_to is null)
    and flying.position is not null and flying.plan = 0 and flying.redrives = 0
    -- Few, and in an index.
    and flying.lease_expires_at >= now()
  group by flying.report_type, flying.report_id, flying.endpoint_id
  having count(*) > 1;

  if not exists (select from private.subscribers) then
    return;
  end if;
  return query
  with events as materialized (
    select event, event.id, event.settings_revision,
      -- Once for each event, not for each of its subscribers.
      case when event.erased_at is null or event.type = 'report.deleted'
        then private.filter_document(event, content.research_metadata) end as document
    from public.report_events event
    left join private.report_contents content on content.event_id = event.id
    where event.report_type = p_report_type and event.effect is not null
      and (event.report_id > p_after or p_after is null) and (event.report_id <= p_to or p_to is null)
  ), settings as materialized (
    -- And once for each revision.
    select seen.settings_revision, settings
    from (select distinct events.settings_revision from events where events.settings_revision is not null) seen
    cross join lateral private.settings_in_force(seen.settings_revision) settings
    where settings.takes_events
  ), asked as materialized (
    select events.id, (settings).endpoint_id, (settings).format_version, (settings).body,
      case
        when (event).bulk or not private.selects_event(settings, event, (settings).owner_id) then false
        -- Null, here and below: nobody can say any more. A report may have got another owner since.
        when (settings).owner_id is not null then null
        when (settings).filter_path is null or (event).type = 'report.deleted' then true
        when document is not null then private.filter_matches(document, (settings).filter_path)
      end as matches
    from events join settings using (settings_revision)
  ), made as materialized (
    select events.id, delivery.endpoint_id, delivery.format_version, delivery.body
    from events cross join lateral (
      select sent.endpoint_id, sent.format_version, sent.body from public.webhook_deliveries sent
      where sent.event_id = events.id and sent.plan = 0 and sent.position is not null offset 0) delivery
  ), wrong as (
    select 'an event that a subscriber should have got' as problem, asked.id
    from asked left join made using (id, endpoint_id)
    where asked.matches and made.id is null
      -- The sweep that erases a deleted report makes the deliveries of its deletion.
      and not exists (
        select from events join private.erasures due
          on due.report_id = (event).report_id and due.report_type = (event).report_type
        where events.id = asked.id and (event).type = 'report.deleted')
      and not exists (
      select from private.filter_faults fault where fault.event_id = asked.id and fault.endpoint_id = asked.endpoint_id)
    union
    select 'a delivery to a subscriber that its settings do not explain', made.id
    from made left join asked using (id, endpoint_id)
    where asked.id is null or not asked.matches
      or (made.format_version, made.body) is distinct from (asked.format_version, asked.body)
  )
  select wrong.problem, (event).report_type, (event).report_id, events.id, (event).job_id
  from wrong join events using (id);
end
$$;

comment on function private.verify_deliveries(text, uuid, uuid) is
  'Every delivery of the reports of this type with an id after p_after up to p_to that breaks an invariant, and every event that a subscriber should have got and did not. Null: no bound.';
revoke all on function private.verify_deliveries(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_jobs.sql
create or replace function private.verify_jobs(p_after text, p_to text)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'a job without a report whose result does not fit its status', null::text, null::uuid, job.event_id, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and (job.event_id is not null
      or job.erased_at is null and (job.status = 'succeeded') <> (nullif(btrim(job.result), '') is not null))
  union all
  select 'an unfinished job that is never due', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and private.is_never_due(job)
  union all
  select 'a row of report_jobs that tells what only our job may', null, null, null, job.job_id
  from private.job_runs job
  join public.report_jobs shown on shown.job_id = job.job_id
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and num_nonnulls(shown.prompt, shown.result, shown.idempotency_key) > 0
    and job.caller <> 'platform'
  union all
  select 'a job of a deleted account that still has content', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and job.user_id is not null and job.erased_at is null
    and not exists (select from auth.users account where account.id = job.user_id and account.deleted_at is null)
    and not exists (select from private.erasures due where due.user_id = job.user_id and due.report_id is null);
end
$$;

comment on function private.verify_jobs(text, text) is
  'Every job without a report, with an id after p_after up to p_to, that breaks an invariant. Null: no bound.';
revoke all on function private.verify_jobs(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_range.sql
create or replace function private.verify_range(p_report_type text, p_after uuid, p_to uuid)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
declare
  -- Audit rows are kept for a day at least. While npm run upgrade has not built their index yet, each look would read them all.
  v_audited_since timestamptz := case when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass('public.webhook_audit_event') and indisvalid)
    then now() - interval '1 day' else 'infinity' end;
begin
  -- Each row is read once, with what belongs to it by a key, and its findings follow from that. No two of the lists below are
  -- joined with each other: where the planner takes both for short, that would take the square of their length.
  return query execute format($query$
    with report as materialized (
      select report.id, winner.id as winner_id, marker.report_id is not null as is_to_import, report.research_status::text,
        winner.id is null and (not private.is_blank(report.research_report) or report.stage is not null)
          as has_content_without_event,
        winner.id is not null
          and (winner.report_id, winner.report_type, winner.status, winner.effect)
            is distinct from (report.id, %2$L, 'completed', 'applied') as has_odd_winner,
        -- Values that are stored alike are alike, to the digit. Only of others are the values compared, and then their texts.
        winner.id is not null
          and row(report.research_report, report.stage::text, report.research_metadata)::record
            *<> row(content.research_report, winner.stage::text, private.shown_metadata(content))::record
          and (report.research_report is distinct from content.research_report
            or report.stage is distinct from winner.stage
            or report.research_metadata is distinct from private.shown_metadata(content)
            -- As text too: digits are content, and equal values may have different ones. But some metadata of others has a text
            -- that is thousands of times as long as what they wrote.
            or case when winner.channel in ('platform', 'import') and private.has_long_number(report.research_metadata) then false
              else report.research_metadata::text <> private.shown_metadata(content)::text end) as has_other_content,
        latest.event_id as latest_event_id,
        latest.id is not null
          and (report.webhook_status, report.webhook_attempts, report.webhook_last_attempt, report.webhook_response,
            report.webhook_job_id)
            is distinct from (latest.status, latest.attempts, latest.last_attempt, latest.response, latest.job_id)
          as has_odd_webhook_columns,
        -- The import makes one for each of these, and leaves other columns of a report without one as they were.
        latest.id is null and report.webhook_status in ('sent', 'failed', 'retrying') as has_unexplained_webhook_columns
      from public.%1$I report
      left join public.report_events winner on winner.id = report.winner_event_id
      left join private.report_contents content on content.event_id = winner.id
      left join private.reports_to_import marker on marker.report_type = %2$L and marker.report_id = report.id
      left join lateral (
        select * from public.webhook_deliveries delivery
        where delivery.report_id = report.id and delivery.report_type = %2$L
          and delivery.endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
        order by delivery.id desc limit 1) latest on true
      where (report.id > $1 or $1 is null) and (report.id <= $2 or $2 is null)
    ), event as materialized (
      select event.id, event.type, event.report_id, event.stage, event.status, event.channel, event.effect, event.position,
        event.requested_at, event.created_at, event.applied_at, event.erased_at, event.job_id, content.event_id as content_id, content.lost_at,
        report.id is not null as has_report, report.winner_event_id is not distinct from event.id as is_winner,
        marker.report_id is null and event.status = 'completed' and event.effect is not null
          and event.id is distinct from winner.id
          and (winner.id is null
            or (event.stage = 'final', event.requested_at, event.id collate "C")
              > (winner.stage = 'final', winner.requested_at, winner.id collate "C")) as outranks_winner,
        lag(event.position) over (partition by event.report_id order by event.position) as previous_position,
        notification.event_id as notification_id,
        (notification.report_type, notification.report_id) <> (event.report_type, event.report_id) as has_odd_notification,
        notification.user_id is distinct from report.user_id as notifies_another,
        delivery.id as delivery_id, delivery.status as delivery_status, delivery.dead_at,
        greatest(delivery.next_attempt, delivery.lease_expires_at) as due_at,
        job.job_id is not null as has_job, job.error as error_of_job,
        job.job_id is not null
          and (job.event_id, job.report_type, job.report_id, job.stage, job.status, job.created_at::timestamptz(3))
            is distinct from (event.id, event.report_type, event.report_id, event.stage,
              case event.status when 'completed' then 'succeeded' else 'failed' end, event.requested_at) as has_odd_job,
        content.event_id is not null and report.id is not null and case
          -- Its digest says nothing: see insert_event().
          when event.channel in ('platform', 'import') and private.has_long_number(content.research_metadata) then false
          else event.digest <> private.content_digest(row(
            event.type, event.report_type, event.report_id, event.stage, event.job_id, null, content.research_report,
            content.research_metadata, content.final_data, event.error, null)::private.incoming_result) end as has_odd_digest
      from public.report_events event
      left join public.%1$I report on report.id = event.report_id
      left join public.report_events winner on winner.id = report.winner_event_id
      left join private.reports_to_import marker on marker.report_type = %2$L and marker.report_id = event.report_id
      left join private.report_contents content on content.event_id = event.id
      left join public.report_notifications notification on notification.event_id = event.id
      left join private.job_runs job on job.job_id = event.job_id
      left join public.webhook_deliveries delivery
        on delivery.event_id = event.id and delivery.endpoint_id = event.stage || '-report' and delivery.plan = 0
      where event.report_type = %2$L and (event.report_id > $1 or $1 is null) and (event.report_id <= $2 or $2 is null)
    ), job as materialized (
      select job.job_id, job.report_id, job.status, job.caller, job.created_at, job.event_id, job.erased_at,
        report.id is not null as has_report, event.id is not null as has_event, event.effect,
        event.job_id is not distinct from job.job_id as is_of_event, private.is_never_due(job) as is_never_due,
        num_nonnulls(shown.prompt, shown.result, shown.idempotency_key) > 0 as tells_content
      from private.job_runs job
      left join public.report_jobs shown on shown.job_id = job.job_id
      left join public.%1$I report on report.id = job.report_id
      left join public.report_events event on event.id = job.event_id
      where job.report_type = %2$L and (job.report_id > $1 or $1 is null) and (job.report_id <= $2 or $2 is null)
    ), request as (
      -- As private.report_status() says, which asks for one report: the newest request that was not cancelled, be it a job or the
      -- event of a request that is no job of ours; where there is none, the newest event; else pending.
      select asked.report_id, bool_or(asked.choice = 3) as is_report, max(asked.shown) as shown, max(asked.winner_id) as winner_id,
        (array_agg(asked.status order by asked.choice, asked.requested_at desc, asked.id desc, asked.is_event desc))[1] as status
      from (
        select job.report_id, null as shown, null as winner_id, 1 as choice, job.created_at::timestamptz(3) as requested_at,
          case when job.has_event then job.event_id else job.job_id end collate "C" as id, false as is_event,
          case
            when job.status = 'queued' then 'pending'
            when job.status = 'running' then 'running'
            when job.has_event and job.effect is null then 'running'
            when job.status = 'succeeded' then 'completed'
            else 'failed'
          end as status
        from job where job.status <> 'cancelled'
        union all
        select event.report_id, null, null, case when event.type <> 'report.owner.edited' and not event.has_job then 1 else 2 end,
          event.requested_at, event.id collate "C", true, event.status
        from event where event.effect is not null
        union all
        select report.id, report.research_status, report.winner_id, 3, null, null, null, 'pending'
        from report where not report.is_to_import) asked
      group by asked.report_id
    )
    select fault.problem, %2$L, report.id, coalesce(fault.event_id, report.winner_id), null
    from report
    cross join lateral (
      select 'content differs from the winning event' as problem, null as event_id
      where report.has_other_content
      union all
      select 'the winning event is not an applied result of this report', null
      where report.has_odd_winner
      union all
      select 'content without an event', null
      where report.has_content_without_event
      union all
      select 'webhook columns differ from the latest delivery', report.latest_event_id
      where report.has_odd_webhook_columns
      union all
      select 'webhook columns without a delivery', null
      where report.has_unexplained_webhook_columns
    ) fault
    -- One that is not imported yet has no history that could be compared.
    where not report.is_to_import
    union all
    select 'research_status differs from the newest request', %2$L, request.report_id, request.winner_id, null
    from request
    where request.is_report and request.shown is distinct from request.status
    union all
    select fault.problem, %2$L, event.report_id, event.id, case when fault.names_job then event.job_id end
    from event
    cross join lateral (
      select 'an applied event outranks the winner' as problem, false as names_job
      where event.outranks_winner
      union all
      select 'an event without a delivery', true
      where event.channel is distinct from 'owner' and event.channel is distinct from 'platform'
        and event.channel is distinct from 'import' and event.delivery_id is null
      union all
      select 'an event whose content is missing, or an erased one that still has it', true
      where (event.erased_at is null) = (event.content_id is null)
      union all
      select 'a content that does not fit its digest', true
      where event.has_odd_digest
      union all
      select 'a winner whose content is taken for lost, or a loser whose content is not', true
      where event.content_id is not null
        and (event.lost_at is not null) <> (
          event.effect = 'superseded' or event.effect is not null and event.status = 'failed'
          or event.effect = 'applied' and event.status = 'completed' and not event.is_winner)
      union all
      select 'a gap in the positions of a report', true
      where event.position > 1 and event.previous_position is distinct from event.position - 1
      union all
      -- An event is committed before it is sent, so that it may wait for its effect for a while.
      select 'an event without an effect', true
      where event.effect is null
        and (event.delivery_id is null or event.dead_at is not null or event.delivery_status = 'success'
          or event.due_at < now() - interval '5 minutes')
      union all
      select 'a completed final without its notification', true
      where event.stage = 'final' and event.effect = 'applied' and event.status = 'completed'
        and event.channel in ('webhook', 'direct') and event.notification_id is null
      union all
      select 'a notification of an event that was not applied', true
      where event.notification_id is not null
        and (event.effect is distinct from 'applied' or event.status <> 'completed' or event.stage <> 'final')
      union all
      select 'a notification of another report', true
      where event.has_odd_notification
      union all
      select 'a notification of a report of somebody else', true
      where event.notification_id is not null and event.notifies_another
      union all
      -- One up to five minutes ahead counts as now.
      select 'an event that was requested after it came', true
      where event.requested_at > event.created_at + interval '5 minutes'
      union all
      select 'an effect of a webhook without its audit row', true
      where event.channel = 'webhook' and event.applied_at > $3 and not exists (
        select from public.webhook_audit audit
        where audit.event_id = event.id and audit.direction = 'in' and audit.outcome = event.effect)
      union all
      select 'an erased event whose job keeps its error', true
      where event.erased_at is not null and event.error_of_job is not null
      union all
      select 'a job that differs from its event', true
      -- What the platform's functions write does not always agree with their jobs.
      where event.has_odd_job and coalesce(event.channel, 'webhook') in ('webhook', 'direct')
    ) fault
    -- A report that was deleted takes its events out of the account.
    where event.has_report
    union all
    select 'content of a deleted report', %2$L, event.report_id, event.id, event.job_id
    from event
    where not event.has_report and event.erased_at is null
      and not exists (
        select from private.erasures due where due.report_type = %2$L and due.report_id = event.report_id)
    union all
    select fault.problem, %2$L, job.report_id, job.event_id, job.job_id
    from job
    cross join lateral (
      select 'an unfinished job of a report that is gone' as problem
      where not job.has_report and job.status in ('queued', 'running')
      union all
      select 'content of a deleted report'
      where not job.has_report and job.erased_at is null and not exists (
        select from private.erasures due where due.report_type = %2$L and due.report_id = job.report_id)
      union all
      select 'an unfinished job that is never due'
      where job.is_never_due
      union all
      select 'a row of report_jobs that tells what only our job may'
      -- What the platform's functions insert is theirs to show.
      where job.tells_content and job.caller <> 'platform'
      union all
      select 'a finished job without its event'
      where job.has_report and not job.is_of_event and job.status in ('succeeded', 'failed')
        -- Imported jobs may have ended without one.
        and job.caller <> 'platform'
    ) fault$query$,
    private.report_table(p_report_type), p_report_type)
  using p_after, p_to, v_audited_since;

  return query select * from private.verify_deliveries(p_report_type, p_after, p_to);
end
$$;

comment on function private.verify_range(text, uuid, uuid) is
  'Every row of the reports of this type with an id after p_after up to p_to, deleted ones too, that breaks an invariant. Null: no bound.';
revoke all on function private.verify_range(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_rest.sql
create or replace function private.verify_rest()
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'an erasure that no sweep finishes', due.report_type, due.report_id, null, null
  from private.erasures due
  where due.requested_at < now() - interval '1 day'
  union all
  select 'a subscriber without a secret' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state <> 'removed' and not exists (
    select from private.endpoint_secrets secret
    where secret.endpoint_id = subscriber.endpoint_id and secret.expires_at is null)
  union all
  select 'a subscriber without exactly one revision in force' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where (
    select count(*) from private.endpoint_revisions settings
    where settings.endpoint_id = subscriber.endpoint_id and settings.superseded_by is null) <> 1
  union all
  select 'a subscriber that takes events though it is not verified, or was removed' || ': ' || subscriber.endpoint_id,
    null, null, null, null
  from private.subscribers subscriber
  join private.endpoint_revisions settings on settings.endpoint_id = subscriber.endpoint_id and settings.superseded_by is null
  where settings.takes_events and (subscriber.state = 'removed' or subscriber.verified_at is null)
  union all
  select 'a removed subscriber that still has a secret' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and exists (
    select from private.endpoint_secrets secret where secret.endpoint_id = subscriber.endpoint_id)
  union all
  select 'an endpoint of a subscriber that is not there' || ': ' || endpoint.id, null, null, null, null
  from public.webhook_endpoints endpoint
  left join private.subscribers subscriber on subscriber.endpoint_id = endpoint.id
  where (endpoint.kind = 'subscriber') <> (subscriber.endpoint_id is not null)
  union all
  select 'a plan that no sweep works on' || ': ' || plan.id, null, null, null, null
  from public.plans plan
  where plan.status = 'running' and plan.next_slice_at not between now() - interval '1 day' and now() + interval '1 day'
  union all
  select 'a removed subscriber that deliveries still wait for' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and subscriber.state_since < now() - interval '1 day' and exists (
    select from public.webhook_deliveries delivery
    where delivery.endpoint_id = subscriber.endpoint_id and delivery.dead_at is null
      and delivery.status not in ('success', 'superseded', 'cancelled'));
end
$$;

comment on function private.verify_rest() is
  'Every erasure, endpoint, subscriber and plan that breaks an invariant: few rows, looked at as a whole.';
revoke all on function private.verify_rest() from public, anon, authenticated, service_role;

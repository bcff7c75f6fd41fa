-- Why: operators have to see every request and every attempt, figures over them, and whether each invariant holds; and what is
-- old has to go. The audit table is the platform's and keeps its columns and its inserts: ours are added to it.

select private.lock_table('webhook_audit');
-- Retention deletes as many rows as are added. By default autovacuum waits for 20 % of all rows: with that the table grows to
-- twice its size, at 2 % it does not (docs/decisions/0019-audit-rows-stay-in-webhook-audit.md).
alter table public.webhook_audit
  set (autovacuum_vacuum_scale_factor = 0.02),
  alter column webhook_type drop not null,
  alter column job_id drop not null,
  add column direction text not null default 'in',
  add column endpoint_id text,
  add column event_id text,
  add column delivery_id bigint,
  add column round bigint,
  add column outcome text,
  add column body_sha256 text,
  add column body_bytes int,
  add column duration_ms numeric(12, 3),
  add column actor text,
  -- Not valid: to check the rows would be to read them all, under a lock that keeps even readers out.
  add constraint audit_direction_is_known check (direction in ('in', 'out')) not valid;
comment on column public.webhook_audit.endpoint_id is 'Our rows name an endpoint; the platform''s functions write webhook_type.';
comment on column public.webhook_audit.actor is '`cron`, or the id of the operator who asked. Null: a sender.';
comment on column public.webhook_audit.round is 'The fencing token of the round that an attempt belongs to.';
select private.finish_table('webhook_audit', p_now => true);

create table public.webhook_refusals (
  minute timestamptz primary key,
  requests bigint not null
);

create table public.webhook_counts (
  slot_minutes int not null
    constraint count_slot_is_a_quarter_or_two_hours check (slot_minutes in (15, 120)),
  slot timestamptz not null,
  direction text not null,
  endpoint_id text not null,
  report_type text,
  outcome text not null,
  requests bigint not null,
  constraint counts_are_kept_once unique nulls not distinct (
    slot_minutes, slot, direction, endpoint_id, report_type, outcome)
);

create table public.webhook_latencies (
  slot_minutes int not null
    constraint latency_slot_is_a_quarter_or_two_hours check (slot_minutes in (15, 120)),
  slot timestamptz not null,
  direction text not null,
  endpoint_id text not null,
  bucket int not null,
  requests bigint not null,
  primary key (slot_minutes, slot, direction, endpoint_id, bucket) include (requests)
);

create table public.webhook_roll_up (
  only_row boolean primary key default true
    constraint roll_up_has_one_row check (only_row),
  rolled_up_until timestamptz not null default '-infinity'
);
insert into public.webhook_roll_up default values;

create table private.heartbeats (
  source text primary key
    constraint heartbeat_source_is_known check (source in ('ping', 'sweep')),
  beats bigint not null default 0,
  last_id text,
  last_at timestamptz
);
insert into private.heartbeats (source) values ('ping'), ('sweep');

-- Generated from supabase/sql/observe: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/observe/add_audit.sql
create or replace function private.add_audit(
  p_direction text, p_outcome text, p_endpoint_id text default null, p_event_id text default null,
  p_job_id text default null, p_report_type text default null, p_report_id uuid default null,
  p_delivery_id bigint default null, p_round bigint default null, p_actor text default null,
  p_payload jsonb default null, p_response_status int default null, p_response_body jsonb default null,
  p_error text default null, p_attempt_number int default 1, p_body_sha256 text default null,
  p_body_bytes int default null, p_duration_ms numeric default null, p_id uuid default gen_random_uuid())
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.webhook_audit (
    id, direction, outcome, endpoint_id, event_id, job_id, report_table, report_id, delivery_id, round, actor,
    request_payload, response_status, response_body, error_message, attempt_number, body_sha256, body_bytes, duration_ms)
  values (
    p_id, p_direction, p_outcome, p_endpoint_id, p_event_id, p_job_id, private.report_table(p_report_type), p_report_id,
    p_delivery_id, p_round, p_actor, p_payload, p_response_status, p_response_body, "left"(p_error, 10000), p_attempt_number,
    p_body_sha256, p_body_bytes, p_duration_ms)
  on conflict (id) do nothing;
end
$$;

comment on function private.add_audit(text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid) is
  'The one writer of our audit rows. p_payload is never a report''s text.';
revoke all on function private.add_audit(text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/applied_migrations.sql
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

-- supabase/sql/observe/content_of_user.sql
create or replace function private.content_of_user(p_user_id uuid)
returns table (what text, things bigint)
language plpgsql stable set search_path = '' as $$
declare
  v_type public.report_types;
  v_reports uuid[] := array(select report_id from private.erasures where user_id = p_user_id and report_id is not null);
  v_ids uuid[];
begin
  for v_type in select * from public.report_types order by report_type loop
    execute format('select array(select id from public.%I where user_id = $1)', v_type.table_name) into v_ids using p_user_id;
    v_reports := v_reports || v_ids;
    what := v_type.table_name;
    things := cardinality(v_ids);
    return next;
  end loop;
  return query
  select 'events with content', count(*) from public.report_events
  where report_id = any (v_reports) and erased_at is null
  union all
  select 'jobs with content', count(*) from private.job_runs
  where (user_id = p_user_id or report_id = any (v_reports)) and erased_at is null
  union all
  select 'deliveries with an answer', count(*) from public.webhook_deliveries
  where report_id = any (v_reports) and response <> '{}'
  union all
  select 'audit rows with content', count(*) from public.webhook_audit audit
  where report_id = any (v_reports) and private.without_content(audit) operator(pg_catalog.*<>) audit
  union all
  select 'notifications', count(*) from public.report_notifications where user_id = p_user_id;
end
$$;

comment on function private.content_of_user(uuid) is
  'How much of a user an erasure would take, or has left: reports, and events, jobs, deliveries, audit rows and notifications that have content.';
revoke all on function private.content_of_user(uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/deployment_facts.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.deployment_facts(p_with_rights boolean default false)
returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'database_time', private.iso_time(clock_timestamp()),
    'server_version', current_setting('server_version'),
    'migrations', to_jsonb(private.applied_migrations()),
    'connections', jsonb_build_object(
      -- Sums, which every role may read: pg_stat_activity hides the sessions of others.
      'used', (select coalesce(sum(numbackends), 0) from pg_catalog.pg_stat_database),
      'most', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int),
    'heartbeats', (
      select jsonb_object_agg(source, jsonb_build_object(
        'beats', beats, 'seconds_ago', round(extract(epoch from clock_timestamp() - last_at), 3)))
      from private.heartbeats),
    'unfinished', array(select name from private.unfinished_tables order by name),
    'realtime', (
      select jsonb_build_object('all_tables', puballtables, 'tables', array(
        select tablename::text from pg_catalog.pg_publication_tables
        where pubname = 'supabase_realtime' and schemaname = 'public' order by tablename))
      from pg_catalog.pg_publication where pubname = 'supabase_realtime'),
    'accounts_guarded', private.accounts_are_guarded(),
    'rights', case when p_with_rights then (
      select jsonb_agg(jsonb_build_object('on', object, 'column', column_name, 'grantee', grantee, 'privilege', privilege)
        order by object, grantee, privilege, column_name)
      from private.held_rights) end)
$$;

comment on function public.deployment_facts(boolean) is
  'What the health check and the doctor judge: time, migrations, connections, signs of life, what npm run upgrade has left to build, Realtime, the guard of account deletions and, with p_with_rights, every right on objects of public and private.';
revoke all on function public.deployment_facts(boolean) from public, anon, authenticated, service_role;
grant execute on function public.deployment_facts(boolean) to service_role;

-- supabase/sql/observe/erase_account.sql
create or replace function private.erase_account(p_user_id uuid, p_limit int)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_type public.report_types;
  v_id text;
  v_left boolean := false;
begin
  perform from auth.users where id = p_user_id for key share;
  for v_type in select * from public.report_types order by report_type loop
    -- Their content follows as that of every report that is deleted.
    execute format(
      'delete from public.%1$I where id in (
         select id from public.%1$I where user_id = $1 order by id limit $2 for update skip locked)', v_type.table_name)
    using p_user_id, p_limit;
    if not v_left then
      execute format('select exists (select from public.%I where user_id = $1)', v_type.table_name)
      into v_left using p_user_id;
    end if;
  end loop;
  for v_id in
    select job_id from private.job_runs
    where user_id = p_user_id and report_id is null and erased_at is null order by job_id limit p_limit
  loop
    perform private.forget_job(v_id);
  end loop;
  delete from public.report_notifications where user_id = p_user_id;
  return not v_left
    and not exists (
      select from private.job_runs where user_id = p_user_id and report_id is null and erased_at is null);
end
$$;

comment on function private.erase_account(uuid, int) is
  'Deletes the reports and notifications of a user, and erases the jobs without a report: up to p_limit of each. True: nothing is left but the content of deleted reports, which erase_report() erases.';
revoke all on function private.erase_account(uuid, int) from public, anon, authenticated, service_role;

-- supabase/sql/observe/erase_due.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.erase_due(p_limit int, p_user_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  c_longest constant interval := '2 seconds';
  v_started timestamptz := clock_timestamp();
  v_due private.erasures;
  -- Of accounts: nothing is left but what stands in the queue of reports.
  v_accounts bigint[] := '{}';
  v_reports int := 0;
  v_users jsonb;
  v_errors jsonb := '[]';
begin
  for v_due in
    select * from private.erasures
    where report_id is null and (p_user_id is null or user_id = p_user_id)
    -- What was tried last and is not done comes last.
    order by tried_at nulls first, id
    limit p_limit
    for update skip locked
  loop
    exit when clock_timestamp() > v_started + c_longest;
    update private.erasures set tried_at = clock_timestamp() where id = v_due.id;
    begin
      if private.erase_account(v_due.user_id, p_limit) then
        v_accounts := v_accounts || v_due.id;
      end if;
    exception
      when lock_not_available then
        null;
      when others then
        -- One erasure costs only itself.
        v_errors := v_errors || jsonb_build_object('user_id', v_due.user_id, 'error', "left"(sqlerrm, 200));
    end;
  end loop;
  for v_due in
    select * from private.erasures
    where report_id is not null and (p_user_id is null or user_id = p_user_id)
    order by tried_at nulls first, id
    limit p_limit
    for update skip locked
  loop
    exit when clock_timestamp() > v_started + c_longest;
    update private.erasures set tried_at = clock_timestamp() where id = v_due.id;
    begin
      if private.erase_report(v_due.report_type, v_due.report_id, p_limit) then
        delete from private.erasures where id = v_due.id;
        v_reports := v_reports + 1;
      end if;
    exception
      when lock_not_available then
        null;
      when others then
        v_errors := v_errors || jsonb_build_object('report_id', v_due.report_id, 'error', "left"(sqlerrm, 200));
    end;
  end loop;
  with done as (
    delete from private.erasures account
    where id = any (v_accounts)
      and not exists (
        select from private.erasures report where report.user_id = account.user_id and report.report_id is not null)
    returning user_id)
  select coalesce(jsonb_agg(user_id), '[]') into v_users from done;
  return jsonb_build_object(
    'reports', v_reports, 'users', v_users, 'errors', v_errors,
    'left', exists (select from private.erasures where p_user_id is null or user_id = p_user_id));
end
$$;

comment on function public.erase_due(int, uuid) is
  'Erases the content of reports and accounts that were deleted, up to p_limit of each and for about two seconds; only those of p_user_id where it is given. Waits for no lock: the next call goes on. Returns {reports: how many are done, users: [user id] whose accounts are done, errors: [{user_id or report_id, error}], left: whether any waits}.';
revoke all on function public.erase_due(int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.erase_due(int, uuid) to service_role;

-- supabase/sql/observe/erase_report.sql
create or replace function private.erase_report(p_report_type text, p_report_id uuid, p_limit int)
returns boolean
language plpgsql volatile set search_path = '' as $$
declare
  v_exists boolean;
  v_id text;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  if v_exists then
    return true;
  end if;
  for v_id in
    select job_id from private.job_runs
    where report_id = p_report_id and report_type = p_report_type and erased_at is null order by job_id limit p_limit
  loop
    perform private.forget_job(v_id);
  end loop;
  for v_id in
    select id from public.report_events
    where report_id = p_report_id and report_type = p_report_type and erased_at is null order by id limit p_limit
  loop
    perform private.forget_event(v_id);
  end loop;
  -- Requests that named the report and no event of it.
  return private.forget_audit(null, p_report_id, p_limit) < p_limit
    and not exists (
      select from private.job_runs where report_id = p_report_id and report_type = p_report_type and erased_at is null)
    and not exists (
      select from public.report_events where report_id = p_report_id and report_type = p_report_type and erased_at is null);
end
$$;

comment on function private.erase_report(text, uuid, int) is
  'Erases the content of a report that was deleted: of up to p_limit of its jobs, events and audit rows each. True: nothing is left.';
revoke all on function private.erase_report(text, uuid, int) from public, anon, authenticated, service_role;

-- supabase/sql/observe/forget_audit.sql
create or replace function private.forget_audit(p_event_id text, p_report_id uuid, p_limit int)
returns int
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_retention text := coalesce(current_setting('polaris.retention', true), '');
  v_rows int;
begin
  perform set_config('polaris.retention', 'on', true);
  update public.webhook_audit audit
  set request_payload = forgotten.request_payload, response_body = null, error_message = null, body_sha256 = null
  from (
    select id, (private.without_content(content)).request_payload
    from public.webhook_audit content
    where (event_id = p_event_id or report_id = p_report_id)
      and private.without_content(content) operator(pg_catalog.*<>) content
    limit p_limit) forgotten
  where audit.id = forgotten.id;
  get diagnostics v_rows = row_count;
  perform set_config('polaris.retention', v_retention, true);
  return v_rows;
exception when lock_not_available then
  return p_limit;
end
$$;

comment on function private.forget_audit(text, uuid, int) is
  'Erases the content of up to p_limit audit rows of an event, or of a report. Returns how many; fewer than p_limit: none is left. p_limit also where another transaction holds one.';
revoke all on function private.forget_audit(text, uuid, int) from public, anon, authenticated, service_role;

-- supabase/sql/observe/get_failed_webhooks.sql
-- Definer rights: the platform's functions call it with the service key, which has no rights on our tables.
create or replace function public.get_failed_webhooks(max_attempts int default 3, retry_after_minutes int default 5)
returns table (table_name text, record_id uuid, job_id text, webhook_attempts int, last_attempt timestamptz)
language sql stable security definer set search_path = '' as $$
  select private.report_table(due.report_type), due.report_id, due.job_id, due.attempts, due.last_attempt
  from private.due_deliveries due
  where due.attempts < max_attempts
    and exists (select from public.webhook_endpoints where id = due.endpoint_id and kind = 'internal')
    and (due.last_attempt is null or due.last_attempt <= now() - make_interval(mins => retry_after_minutes))
  order by due.next_attempt, due.id
$$;

comment on function public.get_failed_webhooks(int, int) is
  'Reports whose webhook failed fewer than max_attempts times, the last retry_after_minutes ago or longer.';
revoke all on function public.get_failed_webhooks(int, int) from public, anon, authenticated, service_role;
grant execute on function public.get_failed_webhooks(int, int) to service_role;

-- supabase/sql/observe/keep_audit.sql
create or replace function private.keep_audit()
returns trigger
language plpgsql volatile set search_path = '' as $$
declare
  v_forgotten public.webhook_audit;
begin
  if tg_op = 'DELETE' and private.is_retention() then
    return old;
  elsif tg_op = 'UPDATE' and private.is_retention() then
    v_forgotten := private.without_content(old);
    if v_forgotten operator(pg_catalog.*=) new then
      return new;
    end if;
  end if;
  raise exception 'webhook_audit is append-only' using errcode = 'PL001';
end
$$;

comment on function private.keep_audit() is
  'Refuses every change of an audit row but the erasure of its content, and its deletion by anybody but retention.';
revoke all on function private.keep_audit() from public, anon, authenticated, service_role;

-- supabase/sql/observe/kept_by_platform.sql
create or replace function private.kept_by_platform(p_user_id uuid)
returns table (place text, things bigint)
language plpgsql stable set search_path = '' as $$
declare
  v_column record;
begin
  for v_column in
    select class.relname as table_name, owner.attname as owner, content.attname as content
    from pg_catalog.pg_constraint reference
    join pg_catalog.pg_class class on class.oid = reference.conrelid
    join pg_catalog.pg_attribute owner on owner.attrelid = class.oid and owner.attnum = reference.conkey[1]
    join pg_catalog.pg_attribute content
      on content.attrelid = class.oid and content.attnum > 0 and not content.attisdropped
        and content.atttypid in ('text'::regtype, 'varchar'::regtype, 'json'::regtype, 'jsonb'::regtype)
    where reference.contype = 'f' and reference.confrelid = 'auth.users'::regclass
      and class.relnamespace = 'public'::regnamespace and class.relname <> 'report_jobs'
    order by class.relname, content.attnum
  loop
    place := v_column.table_name || '.' || v_column.content;
    execute format(
      'select count(*) from public.%I where %I = $1 and %I::text not in ('''', ''{}'', ''[]'')',
      v_column.table_name, v_column.owner, v_column.content)
    into things using p_user_id;
    if things > 0 then
      return next;
    end if;
  end loop;
  -- The platform's rows may name the person only through a job that we watch.
  return query
  select 'report_jobs.' || content.name, count(*)
  from public.report_jobs job
  cross join lateral (values
    (1, 'prompt', job.prompt), (2, 'result', job.result), (3, 'error', job.error), (4, 'metadata', job.metadata::text),
    (5, 'idempotency_key', job.idempotency_key)) content (place, name, value)
  where (job.user_id = p_user_id or job.job_id in (select job_id from private.job_runs where user_id = p_user_id))
    and content.value not in ('', '{}', 'null')
  group by content.place, content.name
  order by content.place;
  return query
  select 'auth.users', count(*) from auth.users where id = p_user_id having count(*) > 0;
end
$$;

comment on function private.kept_by_platform(uuid) is
  'The columns of the platform''s tables that still hold text of a user, with how many rows, and whether the account stands. None of them is ours to empty.';
revoke all on function private.kept_by_platform(uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/prune_expired.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.prune_expired(
  p_audit_days int, p_payload_days int, p_job_days int, p_limit int, p_after jsonb default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  -- Content that lost waits for its open deliveries, but no longer than this.
  c_longest_hold constant interval := '30 days';
  -- What comes first of each kind. With `p_after is null or …` no plan could begin at p_after in an index.
  v_after jsonb := coalesce(p_after, '{
    "audit": {"at": "-infinity", "id": "00000000-0000-0000-0000-000000000000"},
    "payloads": {"at": "-infinity", "id": ""}, "jobs": {"at": "-infinity", "id": ""}}');
  -- Of each kind the range that this call looks at: up to p_limit rows in order of age, kept ones among them. Whether a row is
  -- needed is asked by a query with `limit 1`: for `exists`, PostgreSQL may read all open deliveries at each call.
  v_audit record;
  v_payloads record;
  v_finished record;
  v_audit_pruned int;
  v_refusals int;
  v_event_id text;
  v_erased int := 0;
  v_jobs text[];
  -- Of these jobs, those whose row of report_jobs is locked here.
  v_shown text[];
  v_pruned int;
begin
  perform set_config('polaris.retention', 'on', true);
  select coalesce(array_agg(id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', created_at, 'id', id) order by created_at, id))[p_limit] as last
  into v_audit
  from (
    select audit.id, audit.created_at,
      -- The history of a delivery that is not settled yet tells a person why.
      (select true from public.webhook_deliveries delivery
        where delivery.event_id = audit.event_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and private.is_closed(delivery.dead_reason) is not true
        limit 1) is not null as needed
    from public.webhook_audit audit
    where created_at < now() - make_interval(days => p_audit_days)
      and (created_at, id) > ((v_after #>> '{audit,at}')::timestamptz, (v_after #>> '{audit,id}')::uuid)
    order by created_at, id
    limit p_limit) range;
  delete from public.webhook_audit where id in (
    select id from public.webhook_audit where id = any (v_audit.ids) for update skip locked);
  get diagnostics v_audit_pruned = row_count;
  delete from public.webhook_refusals where minute in (
    select minute from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute limit p_limit);
  get diagnostics v_refusals = row_count;
  select coalesce(array_agg(event_id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', lost_at, 'id', event_id) order by lost_at, event_id))[p_limit] as last
  into v_payloads
  from (
    select content.event_id, content.lost_at,
      -- A delivery that is still to be sent is sent from this content. A dead letter is not: nothing sends it by itself.
      content.lost_at >= now() - c_longest_hold and (
        select true from public.webhook_deliveries delivery
        where delivery.event_id = content.event_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and delivery.dead_at is null
        limit 1) is not null as needed
    from private.report_contents content
    where content.lost_at < now() - make_interval(days => p_payload_days)
      and (content.lost_at, content.event_id) > ((v_after #>> '{payloads,at}')::timestamptz, v_after #>> '{payloads,id}')
    order by content.lost_at, content.event_id
    limit p_limit) range;
  foreach v_event_id in array v_payloads.ids loop
    v_erased := v_erased + private.forget_event(v_event_id)::int;
  end loop;
  select coalesce(array_agg(job_id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', completed_at, 'id', job_id) order by completed_at, job_id))[p_limit] as last
  into v_finished
  from (
    select job.job_id, job.completed_at,
      -- Of a job that ended without an event nothing else would say how its report stands.
      (job.event_id is null and job.status <> 'cancelled' and job.report_id is not null and job.erased_at is null)
      or (select true from public.report_events event
        left join public.webhook_deliveries delivery on delivery.event_id = event.id
        where event.id = job.event_id
          -- Of an erased one without an effect the report is gone.
          and (event.effect is null and event.erased_at is null
            or delivery.status not in ('success', 'superseded', 'cancelled')
              and private.is_closed(delivery.dead_reason) is not true)
        limit 1) is not null as needed
    from private.job_runs job
    where job.status in ('succeeded', 'failed', 'cancelled')
      and job.completed_at < now() - make_interval(days => p_job_days)
      and (job.completed_at, job.job_id) > ((v_after #>> '{jobs,at}')::timestamptz, v_after #>> '{jobs,id}')
    order by job.completed_at, job.job_id
    limit p_limit) range;
  select coalesce(array_agg(job_id), '{}') into v_jobs from (
    select job_id from private.job_runs where job_id = any (v_finished.ids) for update skip locked) expired;
  -- Whoever writes a row of report_jobs waits in guard_job() for the job: this skips the row instead of waiting for it, and
  -- leaves both for the next time.
  select coalesce(array_agg(job_id), '{}') into v_shown from (
    select job_id from public.report_jobs where job_id = any (v_jobs) for update skip locked) shown;
  delete from public.report_jobs
  -- Rows that the platform wrote are the platform's to remove.
  where job_id in (select job_id from private.job_runs where job_id = any (v_shown) and caller <> 'platform');
  delete from private.job_runs job
  where job_id = any (v_jobs)
    and (job_id = any (v_shown) or not exists (select from public.report_jobs shown where shown.job_id = job.job_id));
  get diagnostics v_pruned = row_count;
  perform set_config('polaris.retention', '', true);
  return jsonb_build_object(
    'audit', v_audit_pruned, 'refusals', v_refusals, 'payloads', v_erased, 'jobs', v_pruned,
    'after', case when v_refusals = p_limit or num_nonnulls(v_audit.last, v_payloads.last, v_finished.last) > 0 then
      jsonb_build_object('audit', v_audit.last, 'payloads', v_payloads.last, 'jobs', v_finished.last) end);
end
$$;

comment on function public.prune_expired(int, int, int, int, jsonb) is
  'Removes what is older than so many days and not needed any more. It looks at up to p_limit rows of each kind, oldest first, from p_after on. Returns {audit, refusals, payloads, jobs, after}: what it removed, and the p_after of the next call, null when nothing is left to look at. A kind without a place in p_after is done.';
revoke all on function public.prune_expired(int, int, int, int, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.prune_expired(int, int, int, int, jsonb) to service_role;

-- supabase/sql/observe/record_heartbeat.sql
create or replace function private.record_heartbeat(p_source text, p_id text)
returns private.heartbeats
language sql volatile set search_path = '' as $$
  update private.heartbeats
  set beats = beats + (last_id is distinct from p_id)::int, last_id = p_id, last_at = clock_timestamp()
  where source = p_source
  returning *
$$;

comment on function private.record_heartbeat(text, text) is
  'Counts one sign of life. A repeated call, recognised by the id of the last one, is not counted again.';
revoke all on function private.record_heartbeat(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/observe/record_ping.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_ping(p_ping_id text)
returns jsonb
language sql volatile security definer set search_path = '' as $$
  select jsonb_build_object('pings', ping.beats, 'database_time', private.iso_time(ping.last_at))
  from private.record_heartbeat('ping', p_ping_id) ping
$$;

comment on function public.record_ping(text) is
  'Counts a verified ping, and changes nothing else. Returns how many pings came so far, and the time of the database.';
revoke all on function public.record_ping(text) from public, anon, authenticated, service_role;
grant execute on function public.record_ping(text) to service_role;

-- supabase/sql/observe/record_sweep.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_sweep(p_sweep_id text)
returns bigint
language sql volatile security definer set search_path = '' as $$
  select beats from private.record_heartbeat('sweep', p_sweep_id)
$$;

comment on function public.record_sweep(text) is
  'Counts a sweep that the cron asked for, so that the health check can say whether the cron works. Returns how many came so far.';
revoke all on function public.record_sweep(text) from public, anon, authenticated, service_role;
grant execute on function public.record_sweep(text) to service_role;

-- supabase/sql/observe/record_webhook_request.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_webhook_request(p_request jsonb, p_verified boolean, p_cap_per_minute int)
returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_requests bigint := 0;
  v_is_forgotten boolean;
begin
  if exists (select from public.webhook_audit where id = (p_request ->> 'id')::uuid) then
    -- Repeated call: this request is audited.
    return true;
  end if;
  if not p_verified then
    insert into public.webhook_refusals as refusals (minute, requests) values (date_trunc('minute', now()), 1)
    on conflict (minute) do update set requests = refusals.requests + 1
    returning requests into v_requests;
  end if;
  if v_requests > p_cap_per_minute then
    return false;
  end if;
  -- An answer names the faults of a body, whose event may be one that was erased.
  v_is_forgotten := exists (
    select from public.report_events where id = p_request ->> 'event_id' and erased_at is not null);
  perform private.add_audit(
    p_id => (p_request ->> 'id')::uuid, p_direction => 'in', p_outcome => p_request ->> 'outcome',
    p_endpoint_id => p_request ->> 'endpoint_id', p_event_id => p_request ->> 'event_id',
    p_report_type => p_request ->> 'report_type', p_report_id => (p_request ->> 'report_id')::uuid,
    p_actor => p_request ->> 'actor',
    p_payload => jsonb_build_object('endpoint', p_request ->> 'endpoint', 'method', p_request ->> 'method'),
    p_response_status => (p_request ->> 'status')::int,
    p_response_body => case when not v_is_forgotten then nullif(p_request -> 'answer', 'null') end,
    p_error => case when not v_is_forgotten then p_request ->> 'detail' end,
    p_body_sha256 => case when not v_is_forgotten then p_request ->> 'body_sha256' end,
    p_body_bytes => (p_request ->> 'body_bytes')::int, p_duration_ms => (p_request ->> 'elapsed_ms')::numeric);
  return true;
end
$$;

comment on function public.record_webhook_request(jsonb, boolean, int) is
  'Audits a request that applied nothing, without its body. p_request.id, minted by the endpoint, recognises a repeated call. False: over the cap of this minute, so that it was only counted.';
revoke all on function public.record_webhook_request(jsonb, boolean, int) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_request(jsonb, boolean, int) to service_role;

-- supabase/sql/observe/roll_up_webhooks.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.roll_up_webhooks(p_limit int)
returns int
language plpgsql volatile security definer set search_path = '' as $$
declare
  c_quarter constant interval := '15 minutes';
  -- created_at is when a transaction began: one that takes longer than this would be left out of the figures, not of the
  -- audit. The REST layer gives up after seconds.
  c_margin constant interval := '5 minutes';
  -- Of each length; twice what a window shows.
  c_slots_kept constant int := 192;
  v_until timestamptz;
  v_quarter timestamptz;
  v_quarters int := 0;
  v_minutes int;
  v_slot timestamptz;
begin
  select rolled_up_until into v_until from public.webhook_roll_up where only_row for update skip locked;
  if not found then
    -- Another sweep is counting.
    return 0;
  end if;
  v_until := greatest(v_until, date_bin('2 hours', now(), 'epoch') - interval '2 hours' * c_slots_kept);
  while v_quarters < p_limit loop
    select date_bin(c_quarter, min(created_at), 'epoch') into v_quarter from public.webhook_audit where created_at >= v_until;
    exit when v_quarter is null or v_quarter + c_quarter > now() - c_margin;
    foreach v_minutes in array '{15,120}'::int[] loop
      v_slot := date_bin(make_interval(mins => v_minutes), v_quarter, 'epoch');
      insert into public.webhook_counts as kept (slot_minutes, slot, direction, endpoint_id, report_type, outcome, requests)
      select v_minutes, v_slot, direction, endpoint_id, report_type, outcome, count(*)
      from private.webhook_measures where created_at >= v_quarter and created_at < v_quarter + c_quarter
      group by direction, endpoint_id, report_type, outcome
      on conflict (slot_minutes, slot, direction, endpoint_id, report_type, outcome)
        do update set requests = kept.requests + excluded.requests;
      insert into public.webhook_latencies as kept (slot_minutes, slot, direction, endpoint_id, bucket, requests)
      select v_minutes, v_slot, direction, endpoint_id, bucket, count(*)
      from private.webhook_measures
      where created_at >= v_quarter and created_at < v_quarter + c_quarter and bucket is not null
      group by direction, endpoint_id, bucket
      on conflict (slot_minutes, slot, direction, endpoint_id, bucket)
        do update set requests = kept.requests + excluded.requests;
    end loop;
    v_until := v_quarter + c_quarter;
    v_quarters := v_quarters + 1;
  end loop;
  if v_quarters > 0 then
    update public.webhook_roll_up set rolled_up_until = v_until where only_row;
  end if;
  foreach v_minutes in array '{15,120}'::int[] loop
    v_slot := now() - make_interval(mins => v_minutes * c_slots_kept);
    delete from public.webhook_counts where slot_minutes = v_minutes and slot < v_slot;
    delete from public.webhook_latencies where slot_minutes = v_minutes and slot < v_slot;
  end loop;
  return v_quarters;
end
$$;

comment on function public.roll_up_webhooks(int) is
  'Counts up to p_limit quarters of an hour that are over and not counted yet, each once however many sweeps run, and removes counts that no window shows any more. Returns how many quarters.';
revoke all on function public.roll_up_webhooks(int) from public, anon, authenticated, service_role;
grant execute on function public.roll_up_webhooks(int) to service_role;

-- supabase/sql/observe/schedule_sweep.sql
create or replace function private.schedule_sweep(p_url text, p_cron_secret text)
returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_missing text;
  v_secret record;
  v_id uuid;
begin
  select string_agg(extension, ', ' order by extension) into v_missing
  from (values
    ('pg_cron', to_regprocedure('cron.schedule(text,text,text)') is not null),
    ('pg_net', to_regprocedure('net.http_get(text,jsonb,jsonb,integer)') is not null),
    ('supabase_vault', to_regprocedure('vault.create_secret(text,text,text,uuid)') is not null)) needed (extension, there)
  where not there;
  if v_missing is not null then
    return 'Nothing was scheduled: this database lacks ' || v_missing || '.';
  elsif p_url !~ '^https://[^/\s]+$' then
    raise exception 'p_url must be the deployment''s address, such as https://polaris.example.com'
      using errcode = 'invalid_parameter_value';
  elsif length(p_cron_secret) < 32 then
    raise exception 'p_cron_secret is shorter than any CRON_SECRET' using errcode = 'invalid_parameter_value';
  end if;
  for v_secret in select * from (values ('polaris_url', p_url), ('polaris_cron_secret', p_cron_secret)) secrets (name, value)
  loop
    execute 'select id from vault.secrets where name = $1' into v_id using v_secret.name;
    if v_id is null then
      execute 'select vault.create_secret($1, $2)' using v_secret.value, v_secret.name;
    else
      execute 'select vault.update_secret($1, $2)' using v_id, v_secret.value;
    end if;
  end loop;
  -- The secret stays in Vault: the schedule names it, and reads it when it runs.
  execute 'select cron.schedule($1, $2, $3)' using 'polaris sweep', '* * * * *', $command$
    select net.http_get(
      url := (select decrypted_secret from vault.decrypted_secrets where name = 'polaris_url') || '/api/cron/sweep',
      headers := jsonb_build_object('authorization', 'Bearer ' ||
        (select decrypted_secret from vault.decrypted_secrets where name = 'polaris_cron_secret')),
      timeout_milliseconds := 60000)$command$;
  -- pg_cron keeps a row of each run for ever. Those of the platform's jobs are not ours to delete.
  execute 'select cron.schedule($1, $2, $3)' using 'polaris cron log', '17 3 * * *', $command$
    delete from cron.job_run_details
    where end_time < now() - interval '7 days'
      and jobid in (select jobid from cron.job where jobname in ('polaris sweep', 'polaris cron log'))$command$;
  return 'The sweep is called every minute. The log of its calls is kept for 7 days.';
end
$$;

comment on function private.schedule_sweep(text, text) is
  'Lets Supabase Cron call the sweep every minute and prune its own log of that. Run again it takes the new address or secret. Returns what it did.';
revoke all on function private.schedule_sweep(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/observe/strip_audit.sql
create or replace function private.strip_audit()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  new.request_payload := new.request_payload - '{research_report,research_metadata,final_data,result}'::text[];
  if jsonb_typeof(new.request_payload -> 'data') = 'object' then
    new.request_payload := jsonb_set(
      new.request_payload, '{data}',
      (new.request_payload -> 'data') - '{research_report,research_metadata,final_data,result}'::text[]);
  end if;
  return new;
end
$$;

comment on function private.strip_audit() is
  'Audit rows of the platform lose the text of the report: contents stand in one place.';
revoke all on function private.strip_audit() from public, anon, authenticated, service_role;

-- supabase/sql/observe/update_webhook_status.sql
-- Definer rights: the platform's functions call it with the service key, which has no rights on our functions.
create or replace function public.update_webhook_status(
  table_name text, record_id uuid, new_status text, response_data jsonb default '{}',
  increment_attempts boolean default true)
returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_type text;
  v_exists boolean;
begin
  select report_type into v_type from public.report_types type where type.table_name = update_webhook_status.table_name;
  -- A push registers the first version's tables one by one, after this function.
  if v_type is null and table_name not in ('greeting_reports', 'org_reports', 'requirement_reports') then
    raise exception 'no table of reports: %', table_name using errcode = 'undefined_table';
  end if;
  execute format('select true from public.%I where id = $1', table_name) into v_exists using record_id;
  perform private.add_audit(
    p_direction => 'out', p_outcome => 'reported', p_report_type => v_type, p_report_id => record_id,
    p_payload => jsonb_build_object('endpoint', 'update_webhook_status', 'status', new_status),
    -- Content of a report that was deleted is not kept.
    p_response_body => case when v_exists then response_data end, p_attempt_number => increment_attempts::int);
end
$$;

comment on function public.update_webhook_status(text, uuid, text, jsonb, boolean) is
  'What the platform''s functions report of a webhook of theirs. It is audited and moves no delivery: webhook columns are the state of our own deliveries.';
revoke all on function public.update_webhook_status(text, uuid, text, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) to service_role;

-- supabase/sql/observe/verify_reports.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.verify_reports()
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable security definer set search_path = '' as $$
declare
  v_type public.report_types;
begin
  for v_type in select * from public.report_types loop
    return query execute format($query$
      select fault.problem, %2$L, report.id, coalesce(fault.event_id, winner.id), null
      from public.%1$I report
      left join public.report_events winner on winner.id = report.winner_event_id
      left join private.report_contents content on content.event_id = winner.id
      left join lateral (
        select * from public.webhook_deliveries delivery
        where delivery.report_id = report.id and delivery.report_type = %2$L
          and delivery.endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
        order by delivery.id desc limit 1) latest on true
      cross join lateral (
        select 'content differs from the winning event' as problem, null as event_id
        where winner.id is not null and (
          report.research_report is distinct from content.research_report
          or report.stage is distinct from winner.stage
          -- As text: digits are content, and equal values may have different ones.
          or report.research_metadata::text is distinct from private.shown_metadata(content)::text)
        union all
        select 'the winning event is not an applied result of this report', null
        where winner.id is not null
          and (winner.report_id, winner.report_type, winner.status, winner.effect)
            is distinct from (report.id, %2$L, 'completed', 'applied')
        union all
        select 'content without an event', null
        where winner.id is null and not private.is_blank(report.research_report)
        union all
        select 'an applied event outranks the winner', better.id
        from public.report_events better
        where better.report_id = report.id and better.report_type = %2$L
          and better.status = 'completed' and better.effect is not null and better.id is distinct from winner.id
          and (winner.id is null
            or (better.stage = 'final', better.requested_at, better.id collate "C")
              > (winner.stage = 'final', winner.requested_at, winner.id collate "C"))
        union all
        select 'webhook columns differ from the latest delivery', latest.event_id
        where (report.webhook_status, report.webhook_attempts, report.webhook_last_attempt, report.webhook_response,
            report.webhook_job_id)
          is distinct from (latest.status, latest.attempts, latest.last_attempt, latest.response, latest.job_id)
          and latest.id is not null
        union all
        select 'research_status differs from the newest request', null
        where report.research_status is distinct from private.report_status(%2$L, report.id)
      ) fault
      -- One that is not imported yet has no history that could be compared.
      where not exists (
        select from private.reports_to_import marker where marker.report_type = %2$L and marker.report_id = report.id)$query$,
      v_type.table_name, v_type.report_type);

    return query execute format($query$
      select fault.problem, event.report_type, event.report_id, event.id, event.job_id
      from public.report_events event
      left join private.report_contents content on content.event_id = event.id
      left join public.webhook_deliveries delivery
        on delivery.event_id = event.id and delivery.endpoint_id = private.internal_endpoint(event.stage) and delivery.plan = 0
      cross join lateral (
        select 'an event without a delivery' as problem
        where event.channel is distinct from 'owner' and event.channel is distinct from 'platform'
          and event.channel is distinct from 'import' and delivery.id is null
        union all
        select 'an event whose content is missing, or an erased one that still has it'
        where (event.erased_at is null) = (content.event_id is null)
        union all
        select 'a content that does not fit its digest'
        where content.event_id is not null and event.digest <> private.content_digest(row(
          event.type, event.report_type, event.report_id, event.stage, event.job_id, null, content.research_report,
          content.research_metadata, content.final_data, event.error)::private.incoming_result)
        union all
        select 'a winner whose content is taken for lost, or a loser whose content is not'
        where content.event_id is not null
          and (content.lost_at is not null) <> (
            event.effect = 'superseded' or event.effect is not null and event.status = 'failed'
            or event.effect = 'applied' and event.status = 'completed' and not exists (
              select from public.%1$I report where report.id = event.report_id and report.winner_event_id = event.id))
        union all
        select 'a gap in the positions of a report'
        where event.position > 1 and not exists (
          select from public.report_events previous
          where previous.report_id = event.report_id and previous.report_type = event.report_type
            and previous.position = event.position - 1)
        union all
        -- An event is committed before it is sent, so that it may wait for its effect for a while.
        select 'an event without an effect'
        where event.effect is null
          and (delivery.id is null or delivery.dead_at is not null or delivery.status = 'success'
            or greatest(delivery.next_attempt, delivery.lease_expires_at) < now() - interval '5 minutes')
        union all
        select 'a completed final without its notification'
        where event.stage = 'final' and event.effect = 'applied' and event.status = 'completed'
          and event.channel in ('webhook', 'direct')
          and not exists (select from public.report_notifications notification where notification.event_id = event.id)
        union all
        select 'a notification of an event that was not applied'
        where (event.effect is distinct from 'applied' or event.status <> 'completed' or event.stage <> 'final')
          and exists (select from public.report_notifications notification where notification.event_id = event.id)
        union all
        select 'a notification of another report'
        from public.report_notifications notification
        where notification.event_id = event.id
          and (notification.report_type, notification.report_id) <> (event.report_type, event.report_id)
        union all
        select 'a delivery of another report'
        where (delivery.report_type, delivery.report_id) <> (event.report_type, event.report_id)
        union all
        select 'a job that differs from its event'
        from private.job_runs job
        where job.job_id = event.job_id
          -- What the platform's functions write does not always agree with their jobs.
          and coalesce(event.channel, 'webhook') in ('webhook', 'direct')
          and (job.event_id, job.report_type, job.report_id, job.stage, job.status, job.created_at::timestamptz(3))
            is distinct from (event.id, event.report_type, event.report_id, event.stage,
              case event.status when 'completed' then 'succeeded' else 'failed' end, event.requested_at)
      ) fault
      where event.report_type = %2$L
        -- A report that was deleted takes its events out of the account.
        and exists (select from public.%1$I report where report.id = event.report_id)$query$,
      v_type.table_name, v_type.report_type);

    return query execute format($query$
      select 'an unfinished job of a report that is gone', job.report_type, job.report_id, job.event_id, job.job_id
      from private.job_runs job
      where job.report_type = %2$L and job.status in ('queued', 'running')
        and not exists (select from public.%1$I report where report.id = job.report_id)$query$,
      v_type.table_name, v_type.report_type);

    return query execute format($query$
      select 'content of a deleted report', event.report_type, event.report_id, event.id, event.job_id
      from public.report_events event
      where event.report_type = %2$L and event.erased_at is null
        and not exists (select from public.%1$I report where report.id = event.report_id)
        and not exists (
          select from private.erasures due where due.report_type = %2$L and due.report_id = event.report_id)
      union all
      select 'content of a deleted report', job.report_type, job.report_id, job.event_id, job.job_id
      from private.job_runs job
      where job.report_type = %2$L and job.erased_at is null
        and not exists (select from public.%1$I report where report.id = job.report_id)
        and not exists (
          select from private.erasures due where due.report_type = %2$L and due.report_id = job.report_id)$query$,
      v_type.table_name, v_type.report_type);

    return query execute format($query$
      select 'a finished job without its event', job.report_type, job.report_id, job.event_id, job.job_id
      from private.job_runs job
      left join public.report_events event on event.id = job.event_id and event.job_id = job.job_id
      where job.report_type = %2$L and event.id is null
        -- Imported jobs may have ended without one.
        and job.status in ('succeeded', 'failed') and job.caller <> 'platform'
        and exists (select from public.%1$I report where report.id = job.report_id)$query$,
      v_type.table_name, v_type.report_type);
  end loop;

  return query
  select 'a job without a report whose result does not fit its status', null::text, null::uuid, job.event_id, job.job_id
  from private.job_runs job
  where job.report_id is null
    and (job.event_id is not null
      or job.erased_at is null and (job.status = 'succeeded') <> (nullif(btrim(job.result), '') is not null))
  union all
  select 'a job of a deleted account that still has content', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and job.user_id is not null and job.erased_at is null
    and not exists (select from auth.users account where account.id = job.user_id and account.deleted_at is null)
    and not exists (select from private.erasures due where due.user_id = job.user_id and due.report_id is null)
  union all
  select 'an erasure that no sweep finishes', due.report_type, due.report_id, null, null
  from private.erasures due
  where due.requested_at < now() - interval '1 day'
  union all
  select 'an erased event that a delivery would still send', event.report_type, event.report_id, event.id, event.job_id
  from public.webhook_deliveries delivery
  join public.report_events event on event.id = delivery.event_id
  where event.erased_at is not null and delivery.dead_at is null
    and delivery.status not in ('success', 'superseded', 'cancelled');
end
$$;

comment on function public.verify_reports() is
  'Every row that breaks an invariant, with its problem. No row: all invariants hold.';
revoke all on function public.verify_reports() from public, anon, authenticated, service_role;
grant execute on function public.verify_reports() to service_role;

-- supabase/sql/observe/without_content.sql
create or replace function private.without_content(p_audit public.webhook_audit)
returns public.webhook_audit
language plpgsql immutable set search_path = '' as $$
declare
  c_facts constant text[] := '{id,type,endpoint,method,claim_id,dead_at,dead_reason}';
  c_data_facts constant text[] := '{job_id,report_id,report_type,research_status,requested_at}';
  v_data jsonb := p_audit.request_payload -> 'data';
begin
  p_audit.response_body := null;
  p_audit.error_message := null;
  p_audit.body_sha256 := null;
  if p_audit.outcome is null or jsonb_typeof(p_audit.request_payload) <> 'object' then
    -- Rows of the platform's functions have no outcome, and anything in their payload.
    p_audit.request_payload := null;
  elsif p_audit.request_payload is not null then
    p_audit.request_payload := (
      select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p_audit.request_payload)
      where key = any (c_facts))
      || case when jsonb_typeof(v_data) = 'object' then jsonb_build_object('data', (
        select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(v_data) where key = any (c_data_facts)))
      else '{}' end;
  end if;
  return p_audit;
end
$$;

comment on function private.without_content(public.webhook_audit) is
  'An audit row without what senders and receivers said: the facts that our functions write stay.';
revoke all on function private.without_content(public.webhook_audit) from public, anon, authenticated, service_role;

-- supabase/sql/observe/audit_rows.sql
create or replace view private.audit_rows with (security_invoker = true) as
  select audit.id, audit.created_at, audit.direction, coalesce(audit.endpoint_id, audit.webhook_type) as endpoint_id,
    audit.request_payload ->> 'endpoint' as endpoint, audit.outcome, audit.response_status, type.report_type,
    audit.report_id, audit.job_id, audit.event_id, audit.attempt_number, audit.duration_ms, audit.error_message, audit.actor
  from public.webhook_audit audit
  left join public.report_types type on type.table_name = audit.report_table;

comment on view private.audit_rows is 'A row of the audit in a list: without payload and answer.';
revoke all on table private.audit_rows from public, anon, authenticated, service_role;
grant select on table private.audit_rows to authenticated;

-- supabase/sql/observe/held_rights.sql
create or replace view private.held_rights with (security_invoker = true) as
  with held (kind, schema, name, owner, acl, column_name) as (
    select 'function', pronamespace, proname, proowner, coalesce(proacl, acldefault('f', proowner)), null
    from pg_catalog.pg_proc
    union all
    select case relkind when 'S' then 'sequence' else 'relation' end, relnamespace, relname, relowner,
      coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)), null
    from pg_catalog.pg_class where relkind in ('r', 'p', 'v', 'm', 'S')
    union all
    select 'relation', relnamespace, relname, relowner, attacl, attname
    from pg_catalog.pg_attribute join pg_catalog.pg_class on pg_class.oid = attrelid
    where relkind in ('r', 'p', 'v', 'm') and attacl is not null and not attisdropped)
  select format('%s %I.%I', kind, nspname, name) as object, column_name::text,
    coalesce(nullif(grantee, 0)::regrole::text, 'public') as grantee,
    lower(privilege_type) || case when is_grantable then ' with grant option' else '' end as privilege
  from held join pg_catalog.pg_namespace on pg_namespace.oid = schema, aclexplode(acl)
  where nspname in ('public', 'private') and grantee <> owner;

comment on view private.held_rights is
  'Every right that somebody beside the owner has on a function, relation, column or sequence: the doctor compares it with supabase/sql.';
revoke all on private.held_rights from anon, authenticated, service_role;

-- supabase/sql/observe/webhook_measures.sql
create or replace view private.webhook_measures with (security_invoker = true) as
  select audit.created_at, audit.direction, audit.endpoint_id, type.report_type, audit.outcome,
    -- Buckets 5 % wide: bucket n holds durations over 1.05^(n - 1) and up to 1.05^n milliseconds.
    case when audit.duration_ms is not null then
      ceil(ln(greatest(audit.duration_ms, 0.01)::double precision) / ln(1.05::double precision))::int end as bucket
  from public.webhook_audit audit
  left join public.report_types type on type.table_name = audit.report_table
  where audit.outcome is not null and audit.endpoint_id is not null
    and (audit.direction = 'out' or audit.actor is null);

comment on view private.webhook_measures is
  'What counts: attempts, and requests of senders to the webhook endpoints. Not what operators and the cron asked for.';
revoke all on table private.webhook_measures from public, anon, authenticated, service_role;
grant select on table private.webhook_measures to authenticated;

-- supabase/sql/observe/heartbeats.sql
comment on table private.heartbeats is
  'Signs of life, one row each: signed pings that arrived, and sweeps that the cron asked for. The health check reads them.';
comment on column private.heartbeats.last_id is 'A repeated call is recognised by it.';
comment on column private.heartbeats.last_at is 'By the clock of the database. Null: none came yet.';
alter table private.heartbeats enable row level security;
revoke all on table private.heartbeats from anon, authenticated, service_role;

-- supabase/sql/observe/webhook_audit.sql
drop policy if exists "operators read" on public.webhook_audit;
create policy "operators read" on public.webhook_audit for select to authenticated
  using ((select private.is_operator()));
create or replace trigger keep_audit before update or delete on public.webhook_audit
  for each row execute function private.keep_audit();
create or replace trigger keep_audit_whole before truncate on public.webhook_audit
  for each statement execute function private.keep_audit();
create or replace trigger strip_audit before insert on public.webhook_audit
  for each row when (current_user <> 'postgres') execute function private.strip_audit();

-- supabase/sql/observe/webhook_counts.sql
comment on table public.webhook_counts is
  'Attempts and requests by endpoint and outcome: in slots of 15 minutes for the last day, and of 120 for the last week.';
comment on column public.webhook_counts.slot is 'Its beginning.';
comment on column public.webhook_counts.report_type is 'Null: a request that named none, as refused ones do.';
alter table public.webhook_counts enable row level security;
revoke all on table public.webhook_counts from anon, authenticated, service_role;
grant select on table public.webhook_counts to authenticated;
drop policy if exists "operators read" on public.webhook_counts;
create policy "operators read" on public.webhook_counts for select to authenticated
  using ((select private.is_operator()));

-- supabase/sql/observe/webhook_latencies.sql
comment on table public.webhook_latencies is
  'How long attempts and requests took, in the same slots.';
comment on column public.webhook_latencies.bucket is
  'Counts durations over 1.05^(bucket - 1) and up to 1.05^bucket milliseconds: 5 % wide, so that its middle is 2.5 % off at most.';
alter table public.webhook_latencies enable row level security;
revoke all on table public.webhook_latencies from anon, authenticated, service_role;
grant select on table public.webhook_latencies to authenticated;
drop policy if exists "operators read" on public.webhook_latencies;
create policy "operators read" on public.webhook_latencies for select to authenticated
  using ((select private.is_operator()));

-- supabase/sql/observe/webhook_refusals.sql
comment on table public.webhook_refusals is
  'Unverified requests a minute: beyond a cap they are only counted, so that unauthenticated callers cannot fill the audit.';
alter table public.webhook_refusals enable row level security;
revoke all on table public.webhook_refusals from anon, authenticated, service_role;
grant select on table public.webhook_refusals to authenticated;
drop policy if exists "operators read" on public.webhook_refusals;
create policy "operators read" on public.webhook_refusals for select to authenticated
  using ((select private.is_operator()));

-- supabase/sql/observe/webhook_roll_up.sql
comment on table public.webhook_roll_up is
  'One row: audit rows from before this time are counted, later ones are not.';
alter table public.webhook_roll_up enable row level security;
revoke all on table public.webhook_roll_up from anon, authenticated, service_role;
grant select on table public.webhook_roll_up to authenticated;
drop policy if exists "operators read" on public.webhook_roll_up;
create policy "operators read" on public.webhook_roll_up for select to authenticated
  using ((select private.is_operator()));

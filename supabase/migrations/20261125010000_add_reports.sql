-- Why: everything after this has to know which tables hold reports, whom a report belongs to, and who operates the system.
-- It changes nothing of the platform's.

create schema private;
comment on schema private is 'Objects of ours that the REST API does not expose.';
-- Console functions run with their caller's rights and read views that stand here.
grant usage on schema private to authenticated;

create table public.report_types (
  report_type text primary key
    constraint report_type_is_a_plain_word check (report_type ~ '^[a-z][a-z_]{0,40}$'),
  table_name text not null unique
);

create table public.operators (
  user_id uuid primary key references auth.users (id) on delete cascade,
  created_at timestamptz not null default now()
);

-- Generated from supabase/sql/reports: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/add_report_type.sql
create or replace function private.add_report_type(p_report_type text, p_table_name text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.report_types (report_type, table_name) values (p_report_type, p_table_name)
  on conflict (report_type) do nothing;
  execute format(
    'alter table public.%I
       add column if not exists stage text constraint report_stage_is_known check (stage in (''prelim'', ''final'')),
       add column if not exists winner_event_id text
         references public.report_events (id) deferrable initially deferred', p_table_name);
  execute format(
    'create index if not exists %I on public.%I (user_id, created_at desc)', p_table_name || '_owner', p_table_name);
  execute format(
    'create index if not exists %I on public.%I (created_at desc, id desc)', p_table_name || '_created_at', p_table_name);
  execute format(
    'create or replace trigger guard_owner_write before insert or update on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.guard_owner_write(%L)',
    p_table_name, p_report_type);
  execute format(
    'create or replace trigger open_history after insert on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.open_history(%L)',
    p_table_name, p_report_type);
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

-- supabase/sql/reports/close_report.sql
-- Definer rights: an owner's statement fires it, and owners may not write deliveries.
create or replace function private.close_report()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_delivery_id bigint;
  v_job_id text;
begin
  -- The report's row is locked already, and deliveries come before reports in the order of locks. A delivery that another
  -- process holds is therefore skipped: when that process applies the event, it finds no report and closes the delivery.
  for v_delivery_id in
    select id from public.webhook_deliveries
    where report_id = old.id and report_type = tg_argv[0] and status not in ('success', 'superseded', 'cancelled')
    order by id
    for update skip locked
  loop
    perform private.move_delivery(v_delivery_id, 'closed', p_reason => 'report_deleted');
  end loop;
  for v_job_id in
    update private.job_runs
    set status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = null, completed_at = now(),
      error = 'The report was deleted.', updated_at = now()
    where report_id = old.id and report_type = tg_argv[0] and status in ('queued', 'running')
    returning job_id
  loop
    perform private.show_job(v_job_id);
  end loop;
  return null;
end
$$;

comment on function private.close_report() is
  'Deleting a report closes its deliveries and cancels its jobs.';
revoke all on function private.close_report() from public, anon, authenticated, service_role;

-- supabase/sql/reports/create_report_type.sql
create or replace function private.create_report_type(p_report_type text)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_table text := p_report_type || '_reports';
begin
  execute format(
    'create table public.%I (
       id uuid primary key default gen_random_uuid(),
       summary_id uuid references public.polaris_summaries (id) on delete cascade,
       user_id uuid not null references auth.users (id) on delete cascade,
       user_data jsonb not null default ''{}'',
       research_report text,
       research_status public.research_status not null default ''pending'',
       research_metadata jsonb not null default ''{}'',
       created_at timestamptz not null default now(),
       updated_at timestamptz not null default now(),
       webhook_status text default ''pending''
         check (webhook_status in (''pending'', ''sent'', ''success'', ''failed'', ''retrying'')),
       webhook_attempts int default 0,
       webhook_last_attempt timestamptz,
       webhook_response jsonb default ''{}'',
       webhook_job_id text
     )', v_table);
  execute format('comment on table public.%I is %L', v_table, 'Reports of the type ' || p_report_type || '.');
  execute format('create index %I on public.%I (summary_id)', v_table || '_summary_id', v_table);
  execute format('alter table public.%I enable row level security', v_table);
  execute format('revoke all on table public.%I from anon, authenticated, service_role', v_table);
  execute format('grant select, insert, update, delete on table public.%I to authenticated', v_table);
  execute format('grant select on table public.%I to service_role', v_table);
  execute format('create policy "owners select" on public.%I for select to authenticated
    using ((select auth.uid()) = user_id)', v_table);
  execute format('create policy "owners insert" on public.%I for insert to authenticated
    with check ((select auth.uid()) = user_id)', v_table);
  execute format('create policy "owners update" on public.%I for update to authenticated
    using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id)', v_table);
  execute format('create policy "owners delete" on public.%I for delete to authenticated
    using ((select auth.uid()) = user_id)', v_table);
  perform private.add_report_type(p_report_type, v_table);
end
$$;

comment on function private.create_report_type(text) is
  'Creates a new report type with a table of its own, <type>_reports, which only its owners and the server reach.';
revoke all on function private.create_report_type(text) from public, anon, authenticated, service_role;

-- supabase/sql/reports/guard_owner_write.sql
-- Definer rights: an owner's statement fires it, and owners may not write events.
create or replace function private.guard_owner_write()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_report_type text := tg_argv[0];
  v_event_id text := private.new_id('own_');
  v_now timestamptz(3) := clock_timestamp();
  v_has_text boolean := new.research_report is not null;
begin
  if tg_op = 'INSERT' then
    new.stage := case when v_has_text then coalesce(new.stage, 'prelim') end;
    new.winner_event_id := case when v_has_text then v_event_id end;
    new.webhook_status := 'pending';
    new.webhook_attempts := 0;
    new.webhook_last_attempt := null;
    new.webhook_response := '{}';
    new.webhook_job_id := null;
    new.research_status := case when v_has_text then 'completed' else 'pending' end;
    new.research_metadata := '{}';
    return new;
  end if;
  new.id := old.id;
  new.user_id := old.user_id;
  new.created_at := old.created_at;
  new.stage := old.stage;
  new.winner_event_id := old.winner_event_id;
  new.webhook_status := old.webhook_status;
  new.webhook_attempts := old.webhook_attempts;
  new.webhook_last_attempt := old.webhook_last_attempt;
  new.webhook_response := old.webhook_response;
  new.webhook_job_id := old.webhook_job_id;
  new.research_metadata := old.research_metadata;
  new.research_status := old.research_status;
  new.updated_at := v_now;
  if new.research_report is distinct from old.research_report then
    -- An edit is newer than what it edits, whatever the clocks say.
    v_now := greatest(v_now, (select requested_at + interval '1 millisecond'
      from public.report_events where id = new.winner_event_id));
    new.stage := coalesce(new.stage, 'prelim');
    perform private.record_owner_text(
      v_event_id, v_report_type, new.id, new.stage, v_now, new.research_report, new.research_metadata);
    new.winner_event_id := v_event_id;
    new.research_status := private.report_status(v_report_type, new.id);
  end if;
  return new;
end
$$;

comment on function private.guard_owner_write() is
  'What an owner may not change keeps its value. A changed text becomes an event of channel owner, and the winner.';
revoke all on function private.guard_owner_write() from public, anon, authenticated, service_role;

-- supabase/sql/reports/is_operator.sql
-- Definer rights: people may read only their own row of the table of operators.
create or replace function private.is_operator()
returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.operators where user_id = (select auth.uid()))
$$;

comment on function private.is_operator() is
  'Whether the signed-in person is an operator.';
revoke all on function private.is_operator() from public, anon, authenticated, service_role;
grant execute on function private.is_operator() to authenticated;

-- supabase/sql/reports/lock_report.sql
create or replace function private.lock_report(p_report_type text, p_report_id uuid, p_summary_id uuid default null)
returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  v_table text := private.report_table(p_report_type);
  v_owner uuid;
  v_summary_id uuid;
begin
  -- Deleting an account or a summary deletes its reports, so it locks those rows first. Foreign keys ask for them too, but
  -- only after the report is locked: both would wait for each other.
  execute format('select user_id, summary_id from public.%I where id = $1', v_table)
  into v_owner, v_summary_id using p_report_id;
  perform from auth.users where id = v_owner for key share;
  perform from public.polaris_summaries where id in (v_summary_id, p_summary_id) order by id for key share;
  execute format('select user_id from public.%I where id = $1 for no key update', v_table)
  into v_owner using p_report_id;
  return v_owner;
end
$$;

comment on function private.lock_report(text, uuid, uuid) is
  'Locks a report''s row until the transaction ends and returns its owner. Null: there is no such report. p_summary_id: of another summary that a row of this transaction will refer to.';
revoke all on function private.lock_report(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/open_history.sql
-- Definer rights: an owner's statement fires it, and owners may not write events.
create or replace function private.open_history()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Events of an earlier report may carry this id, and would attach to this one.
  if exists (select from public.report_events where report_id = new.id and report_type = tg_argv[0]) then
    raise exception 'this id was used before' using errcode = 'unique_violation';
  end if;
  if new.research_report is not null then
    perform private.record_owner_text(
      new.winner_event_id, tg_argv[0], new.id, new.stage, clock_timestamp(), new.research_report, new.research_metadata);
  end if;
  return null;
end
$$;

comment on function private.open_history() is
  'An owner''s new report: the text that it brings becomes the event that guard_owner_write() named.';
revoke all on function private.open_history() from public, anon, authenticated, service_role;

-- supabase/sql/reports/report_status.sql
create or replace function private.report_status(p_report_type text, p_report_id uuid)
returns public.research_status
language plpgsql stable set search_path = '' as $$
declare
  v_job record;
  v_event record;
begin
  select
    case
      when job.status = 'queued' then 'pending'
      when job.status = 'running' then 'running'
      -- The job has finished, but its result is not in the report's row yet.
      when event.id is not null and event.effect is null then 'running'
      when job.status = 'succeeded' then 'completed'
      else 'failed'
    end as status,
    job.created_at::timestamptz(3) as requested_at,
    coalesce(event.id, job.job_id) collate "C" as id
  into v_job
  from private.job_runs job
  left join public.report_events event on event.id = job.event_id
  where job.report_id = p_report_id and job.report_type = p_report_type and job.status <> 'cancelled'
  order by 2 desc, 3 desc
  limit 1;
  -- The newest event of a request that is no job of ours.
  select event.status, event.requested_at, event.id collate "C" as id
  into v_event
  from public.report_events event
  where event.report_id = p_report_id and event.report_type = p_report_type
    and event.effect is not null and event.type <> 'report.owner.edited'
    and (event.job_id is null or not exists (select from private.job_runs job where job.job_id = event.job_id))
  order by event.requested_at desc, event.id collate "C" desc
  limit 1;
  if v_job.status is not null
    and (v_event.id is null or (v_job.requested_at, v_job.id) > (v_event.requested_at, v_event.id))
  then
    return v_job.status;
  elsif v_event.id is not null then
    return v_event.status;
  end if;
  return coalesce(
    (select event.status from public.report_events event
      where event.report_id = p_report_id and event.report_type = p_report_type and event.effect is not null
      order by event.requested_at desc, event.id collate "C" desc
      limit 1),
    'pending');
end
$$;

comment on function private.report_status(text, uuid) is
  'research_status as it must be: that of the newest request that was not cancelled, or of the newest event, or pending.';
revoke all on function private.report_status(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/report_table.sql
create or replace function private.report_table(p_report_type text)
returns text
language plpgsql stable set search_path = '' as $$
begin
  return (
    select table_name from public.report_types where report_type = p_report_type);
end
$$;

comment on function private.report_table(text) is
  'The table that holds reports of this type, without its schema. Null: no such type.';
revoke all on function private.report_table(text) from public, anon, authenticated, service_role;

-- supabase/sql/reports/require_operator.sql
create or replace function private.require_operator()
returns void
language plpgsql stable set search_path = '' as $$
begin
  if not private.is_operator() then
    -- Row level security would show other people nothing, which looks like a system without traffic.
    raise exception 'operators only' using errcode = 'insufficient_privilege';
  end if;
end
$$;

comment on function private.require_operator() is
  'Refuses everybody who is no operator, with 42501.';
revoke all on function private.require_operator() from public, anon, authenticated, service_role;
grant execute on function private.require_operator() to authenticated;

-- supabase/sql/reports/show_report_status.sql
create or replace function private.show_report_status(p_report_type text, p_report_id uuid)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_status public.research_status := private.report_status(p_report_type, p_report_id);
begin
  execute format(
    'update public.%I set research_status = $1, updated_at = now() where id = $2 and research_status <> $1',
    private.report_table(p_report_type))
  using v_status, p_report_id;
end
$$;

comment on function private.show_report_status(text, uuid) is
  'Brings research_status of a report''s row up to date. The caller holds the report''s lock.';
revoke all on function private.show_report_status(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/user_is_operator.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.user_is_operator(p_user_id uuid)
returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.operators where user_id = p_user_id)
$$;

comment on function public.user_is_operator(uuid) is
  'Whether this person is an operator now. Endpoints ask it for callers whom they have authenticated.';
revoke all on function public.user_is_operator(uuid) from public, anon, authenticated, service_role;
grant execute on function public.user_is_operator(uuid) to service_role;

-- supabase/sql/reports/operators.sql
comment on table public.operators is 'Who may watch, retry and redrive. Deleting a row revokes at once.';
alter table public.operators enable row level security;
revoke all on table public.operators from anon, authenticated, service_role;
grant select on table public.operators to authenticated;
drop policy if exists "people see themselves" on public.operators;
create policy "people see themselves" on public.operators for select to authenticated
  using (user_id = (select auth.uid()));

-- supabase/sql/reports/report_types.sql
comment on table public.report_types is
  'The one list of report types. To add one, call private.create_report_type() in a migration.';
alter table public.report_types enable row level security;
revoke all on table public.report_types from anon, authenticated, service_role;
grant select on table public.report_types to authenticated;
drop policy if exists "everyone reads" on public.report_types;
create policy "everyone reads" on public.report_types for select to authenticated using (true);

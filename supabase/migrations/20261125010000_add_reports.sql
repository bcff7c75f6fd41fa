-- Why: everything after this has to know which tables hold reports, whom a report belongs to, and who operates the system.
-- It changes nothing of the platform's.

create schema private;
comment on schema private is 'Objects of ours that the REST API does not expose.';
-- Console functions run with their caller's rights and read views that stand here.
grant usage on schema private to authenticated;

-- While the push waits for a lock, everybody else waits behind the push.
select set_config('lock_timeout', '2s', true);

create table public.report_types (
  report_type text primary key
    constraint report_type_is_a_plain_word check (report_type ~ '^[a-z][a-z_]{0,40}$'),
  table_name text not null unique
);

-- The reference locks auth.users against writers. On a time-out of this lock, push again.
create table public.operators (
  user_id uuid primary key references auth.users (id) on delete cascade,
  created_at timestamptz not null default now()
);

create table private.first_version (
  only_row boolean primary key default true
    constraint first_version_has_one_row check (only_row),
  closed_at timestamptz
);
insert into private.first_version default values;

create table private.reports_to_import (
  report_type text,
  report_id uuid,
  failed_at timestamptz,
  error text,
  primary key (report_type, report_id)
);
-- The order in which they are imported.
create index reports_to_import_next on private.reports_to_import (report_type, failed_at nulls first, report_id);

-- What was deleted and still has content to erase: a report, or an account (without a report). The sweep erases it.
create table private.erasures (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  report_type text,
  report_id uuid,
  requested_at timestamptz not null default now(),
  tried_at timestamptz,
  constraint erasure_names_its_report_whole check (num_nulls(report_type, report_id) in (0, 2))
);
create unique index erasures_subject on private.erasures (user_id, report_id, report_type) nulls not distinct;
create index erasures_turn on private.erasures (tried_at nulls first, id);

-- A report's row without what the report is about: what the import reads and writes.
create type private.report_row as (
  id uuid,
  user_id uuid,
  research_report text,
  research_metadata jsonb,
  webhook_status text,
  webhook_attempts int,
  webhook_last_attempt timestamptz,
  webhook_response jsonb,
  webhook_job_id text,
  updated_at timestamptz,
  winner_event_id text,
  stage text
);

-- Generated from supabase/sql/reports: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/accounts_are_guarded.sql
create or replace function private.accounts_are_guarded()
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return 2 = (
    select count(*) from pg_catalog.pg_trigger
    where tgrelid = 'auth.users'::regclass and tgname in ('polaris_lock_account', 'polaris_note_account_deletion')
      and tgenabled in ('O', 'A'));
end
$$;

comment on function private.accounts_are_guarded() is
  'Whether deleting an account takes its locks by lock_account(), and is noted for the sweep.';
revoke all on function private.accounts_are_guarded() from public, anon, authenticated, service_role;

-- supabase/sql/reports/add_report_type.sql
create or replace function private.add_report_type(p_report_type text, p_table_name text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.report_types (report_type, table_name) values (p_report_type, p_table_name)
  on conflict (report_type) do nothing;
  if not exists (
    select from pg_catalog.pg_attribute
    where attrelid = format('public.%I', p_table_name)::regclass and attname = 'winner_event_id')
  then
    -- Not valid: to check the rows would be to read them all, under a lock that keeps even readers out.
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
  -- Of the SQL editor and our own functions, which both run as the owner of the table, only the data differ.
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
  -- After the platform''s own trigger, which sorts by its name.
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

-- supabase/sql/reports/await_same_call.sql
create or replace function private.await_same_call(p_id text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  -- Null: the caller does not repeat it.
  perform pg_advisory_xact_lock(hashtextextended('call ' || p_id, 0));
end
$$;

comment on function private.await_same_call(text) is
  'Lets a call and its repetition, which have the same id, come one after the other: a connection that died is retried at once, and the first call may still be at work. The first lock of its transaction.';
revoke all on function private.await_same_call(text) from public, anon, authenticated, service_role;

-- supabase/sql/reports/check_owner_values.sql
create or replace function private.check_owner_values(
  p_user_data jsonb default null, p_research_report text default null, p_research_metadata jsonb default null)
returns void
language plpgsql immutable set search_path = '' as $$
declare
  -- What a language model is given of it at most (300,000 characters).
  c_user_data_kb constant int := 300;
  -- As of a result, so that what an owner saves could also be delivered.
  c_content_kb constant int := 900;
  c_levels constant int := 100;
  v_value record;
  v_bytes bigint;
begin
  for v_value in
    select * from (values
      ('user_data', p_user_data, c_user_data_kb), ('research_metadata', p_research_metadata, c_content_kb))
      given (name, value, kb)
    where value is not null
  loop
    if jsonb_typeof(v_value.value) <> 'object' then
      raise exception '% must be a JSON object', v_value.name using errcode = 'PL007';
    end if;
    -- As it is stored, a value takes at most four times the bytes of its text (a list of digits does), and some for its frame.
    -- This costs nothing, whatever its size.
    if pg_column_size(v_value.value) > 5 * v_value.kb * 1024 then
      raise exception '% is larger than the limit of % KB', v_value.name, v_value.kb using errcode = 'PL007';
    end if;
    if private.has_long_number(v_value.value) then
      raise exception '% has a number of more than 64 digits', v_value.name using errcode = 'PL007';
    end if;
    if jsonb_path_exists(v_value.value, format(
      'strict $.**{%s} ? (@.type() == "object" || @.type() == "array")', c_levels)::jsonpath)
    then
      raise exception '% has more than % levels', v_value.name, c_levels using errcode = 'PL007';
    end if;
    v_bytes := octet_length(v_value.value::text);
    if v_bytes > v_value.kb * 1024 then
      raise exception '% is % KB; the limit is % KB', v_value.name, ceil(v_bytes / 1024.0), v_value.kb
        using errcode = 'PL007';
    end if;
  end loop;
  v_bytes := coalesce(octet_length(to_json(p_research_report)::text), 0)
    + coalesce(octet_length(p_research_metadata::text), 0);
  if v_bytes > c_content_kb * 1024 then
    raise exception 'research_report with its metadata is % KB as JSON; the limit is % KB', ceil(v_bytes / 1024.0), c_content_kb
      using errcode = 'PL007';
  end if;
end
$$;

comment on function private.check_owner_values(jsonb, text, jsonb) is
  'Refuses (PL007) what an owner may not store in a report: no object, too large, too deep, or with numbers that print as more than 64 digits. Null is not checked.';
revoke all on function private.check_owner_values(jsonb, text, jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/reports/check_winner.sql
-- Definer rights: people and servers who write reports may not read events and contents.
create or replace function private.check_winner()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Volatile, since a stable function would not see the event that the same statement recorded.
  if not exists (
    select from public.report_events event
    join private.report_contents content on content.event_id = event.id
    where event.id = new.winner_event_id and event.report_type = tg_argv[0] and event.report_id = new.id
      and content.research_report is not distinct from new.research_report)
  then
    raise exception 'winner_event_id is no event of this report with this text' using errcode = 'PL002';
  end if;
  return null;
end
$$;

comment on function private.check_winner() is
  'Refuses a winner that is not an event of this report with the text that the row shows.';
revoke all on function private.check_winner() from public, anon, authenticated, service_role;

-- supabase/sql/reports/close_first_version.sql
create or replace function private.close_first_version(p_force boolean default false)
returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_last timestamptz := (
    select max(applied_at) from public.report_events where channel = 'platform' and applied_at > now() - interval '1 day');
begin
  -- Null is no consent.
  if v_last is not null and p_force is not true then
    return format('Nothing was closed: the platform wrote a result at %s. Wait a day after its last one, or say '
      || 'private.close_first_version(true).', v_last);
  end if;
  update private.first_version set closed_at = coalesce(closed_at, now()) where only_row;
  revoke execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) from service_role;
  revoke execute on function public.get_failed_webhooks(int, int) from service_role;
  return 'Results are written through the webhooks alone. select private.open_first_version() undoes it.';
end
$$;

comment on function private.close_first_version(boolean) is
  'Refuses from now on results that others than our functions write, and closes the two functions of the first version. Returns what it did.';
revoke all on function private.close_first_version(boolean) from public, anon, authenticated, service_role;

-- supabase/sql/reports/close_report.sql
-- Definer rights: an owner's statement fires it, and owners may not write deliveries.
create or replace function private.close_report()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_delivery_id bigint;
  v_job_id text;
begin
  -- A sweep erases the content: here it could wait for a sender's lock, and deleting an account deletes many reports at once.
  insert into private.erasures (user_id, report_type, report_id) values (old.user_id, tg_argv[0], old.id)
  on conflict do nothing;
  delete from private.reports_to_import where report_type = tg_argv[0] and report_id = old.id;
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
  'Deleting a report closes its deliveries, cancels its jobs, and has its content erased by the next sweep.';
revoke all on function private.close_report() from public, anon, authenticated, service_role;

-- supabase/sql/reports/count_foreign_write.sql
create or replace function private.count_foreign_write()
returns void
language plpgsql volatile set search_path = '' as $$
declare
  c_most constant int := 1000;
  v_count int := coalesce(nullif(current_setting('polaris.foreign', true), '')::int, 0) + 1;
begin
  perform set_config('polaris.foreign', v_count::text, true);
  if v_count > c_most and coalesce(current_setting('polaris.bulk', true), '') <> 'on' then
    raise exception 'more than % reports are written in one transaction', c_most using errcode = 'PL005',
      hint = 'Say set local polaris.bulk = ''on'' first: the texts are recorded, and subscribers are not told.';
  end if;
end
$$;

comment on function private.count_foreign_write() is
  'Counts the reports that others write in one transaction, and refuses more than 1,000 that nobody announced.';
revoke all on function private.count_foreign_write() from public, anon, authenticated, service_role;

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

-- supabase/sql/reports/finish_table.sql
-- The one list of what costs a scan of a large table of the platform. A migration would block its writers meanwhile: it does
-- this on small tables only, and npm run upgrade does the rest while everything else goes on.
create or replace function private.finish_table(p_table_name text, p_now boolean default false)
returns table (name text, statement text)
language plpgsql volatile set search_path = '' as $$
declare
  v_statement text;
  v_name text;
  v_is_small boolean;
begin
  execute format('select not exists (select from public.%I offset 1000 limit 1)', p_table_name) into v_is_small;
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
      'create index webhook_audit_response_status on public.webhook_audit (response_status, created_at desc, id desc)
         where response_status <> 200 or response_status is null']
    else array[
      format('alter table public.%I validate constraint report_stage_is_known', p_table_name),
      format('create index %I on public.%I (user_id, created_at desc)', p_table_name || '_owner', p_table_name),
      format('create index %I on public.%I (created_at desc, id desc)', p_table_name || '_created_at', p_table_name)]
    end
  loop
    v_name := substring(v_statement from '(?:create index|validate constraint) (\w+)');
    continue when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass('public.' || v_name) and indisvalid);
    continue when exists (
      select from pg_catalog.pg_constraint
      where conrelid = to_regclass('public.' || p_table_name) and conname = v_name and convalidated);
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
  'The indexes that a report table or webhook_audit lacks, and the constraints that nobody has validated there, with the statement for each. p_now: where the table has at most 1,000 rows, they are made at once and not returned.';
revoke all on function private.finish_table(text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/reports/guard_accounts.sql
create or replace function private.guard_accounts()
returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  -- Only where one is absent: to replace or drop a trigger on a table of Auth may be refused, or lock all of Auth.
  if not exists (
    select from pg_catalog.pg_trigger where tgrelid = 'auth.users'::regclass and tgname = 'polaris_lock_account')
  then
    create trigger polaris_lock_account before delete on auth.users
      for each row execute function private.lock_account();
  end if;
  if not exists (
    select from pg_catalog.pg_trigger where tgrelid = 'auth.users'::regclass and tgname = 'polaris_note_account_deletion')
  then
    create trigger polaris_note_account_deletion after delete or update of deleted_at on auth.users
      for each row execute function private.note_account_deletion();
  end if;
  return true;
exception when insufficient_privilege then
  raise notice 'This role may not create triggers on auth.users: deleting an account may end in a deadlock with writers of its reports, and what it leaves is erased only by npm run erase.';
  return false;
end
$$;

comment on function private.guard_accounts() is
  'Creates our two triggers on auth.users where they are absent: the locks of an account''s deletion, and the note of it for the sweep. False: the caller may not.';
revoke all on function private.guard_accounts() from public, anon, authenticated, service_role;

-- supabase/sql/reports/guard_insert.sql
-- Definer rights: people and servers who insert reports may not call our helpers.
create or replace function private.guard_insert()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_is_owner boolean := current_setting('role', true) in ('anon', 'authenticated');
  v_has_text boolean := new.research_report is not null
    and (v_is_owner or new.research_status <> 'failed' or not private.is_blank(new.research_report));
begin
  -- The order of locks; the foreign keys would take the summary first.
  perform from auth.users where id = new.user_id for key share;
  perform from public.polaris_summaries where id = new.summary_id for key share;
  if v_is_owner then
    perform private.check_owner_values(new.user_data, new.research_report);
    new.created_at := now();
    new.updated_at := now();
  else
    -- A server may bring reports of earlier, and none of the future or of no time at all.
    new.created_at := private.import_time(coalesce(new.created_at, now()), now());
    new.updated_at := private.import_time(coalesce(new.updated_at, now()), now());
  end if;
  -- Minted here, so that the statement returns them. record_insert() records the event, and nothing does where the insert
  -- becomes an update of a row that exists.
  new.stage := case when v_has_text then
    case when not v_is_owner and new.research_metadata ->> 'processing_stage' = 'final' then 'final'
      when v_is_owner then coalesce(new.stage, 'prelim') else 'prelim' end end;
  new.winner_event_id := case when v_has_text then private.new_id(case when v_is_owner then 'own_' else 'plt_' end) end;
  new.webhook_status := 'pending';
  new.webhook_attempts := 0;
  new.webhook_last_attempt := null;
  new.webhook_response := '{}';
  new.webhook_job_id := null;
  if v_is_owner then
    new.research_metadata := '{}';
  end if;
  new.research_status := case when v_has_text then 'completed' when v_is_owner then 'pending' else new.research_status end;
  return new;
end
$$;

comment on function private.guard_insert() is
  'What nobody else may set on a new report has its default: an owner''s times are now, a server''s are at most now. The text that it brings is recorded after the insert.';
revoke all on function private.guard_insert() from public, anon, authenticated, service_role;

-- supabase/sql/reports/has_account.sql
create or replace function private.has_account(p_user_id uuid)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  -- Auth deletes an account softly by a time in its row, which keeps everything that refers to it.
  return exists (select from auth.users where id = p_user_id and deleted_at is null);
end
$$;

comment on function private.has_account(uuid) is
  'Whether the account of a user exists and is not deleted, softly or at all.';
revoke all on function private.has_account(uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/has_long_number.sql
create or replace function private.has_long_number(p_value jsonb)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  -- An ordinary number is done after two comparisons, which cost more than all else here.
  return jsonb_path_exists(p_value,
    'strict $.** ? (@.type() == "number" && (@ >= 1e64 || @ < 1e-64 && @ != 0 && (@ > -1e-64 || @ <= -1e64)))');
end
$$;

comment on function private.has_long_number(jsonb) is
  'Whether a number in it prints as much more than it weighs: 1e131071 has eight characters, and 131,072 when it is printed. Asked before anything prints a value that others have written.';
revoke all on function private.has_long_number(jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/reports/import_events.sql
create or replace function private.import_events(p_report_type text, p_row private.report_row)
returns private.report_row
language plpgsql volatile set search_path = '' as $$
declare
  -- Its owner could write any number; from here on each attempt adds one.
  c_attempts constant int := 1000;
  -- People could insert jobs without end. Each costs half a millisecond or more, while writers wait for the batch: with 20,000,
  -- one report took 31 s.
  c_jobs constant int := 20;
  v_now timestamptz(3) := clock_timestamp();
  v_has_text boolean := not private.is_blank(p_row.research_report);
  v_key text := p_report_type || ':' || p_row.id;
  v_own private.job_runs;
  v_prefix text := 'import_' || p_report_type || '_' || replace(p_row.id::text, '-', '');
  v_winner private.incoming_result;
  v_winner_id text;
  v_job record;
  v_result private.incoming_result;
  v_event public.report_events;
  v_dead_reason text;
begin
  delete from private.reports_to_import where report_type = p_report_type and report_id = p_row.id;
  if not found then
    return p_row;
  end if;
  if p_row.webhook_attempts not between 0 and c_attempts then
    p_row.webhook_attempts := case when p_row.webhook_attempts < 0 then 0 else c_attempts end;
  end if;
  p_row.webhook_last_attempt := private.import_time(p_row.webhook_last_attempt, v_now);
  -- The links that the first version leaves: the row's own job, a job whose metadata names the report, and, where the report
  -- has no text, a key of the form greeting:<report id>. People could write jobs and rows: only jobs of nobody or of the owner
  -- count, and none that names another report, or, of nobody, no report at all.
  insert into private.job_runs (
    job_id, report_type, report_id, stage, user_id, summary_id, caller, prompt, model, temperature, max_tokens, status, percent,
    eta_seconds, error, lease_expires_at, created_at, updated_at, started_at, completed_at)
  select job.job_id, p_report_type, p_row.id,
    case when 'final' in (job.metadata ->> 'stage', job.metadata ->> 'processing_stage') then 'final' else 'prelim' end,
    p_row.user_id, job.summary_id, 'platform', job.prompt, job.model,
    -- NaN is a number to PostgreSQL and to nobody else: the job could not be run.
    case when job.temperature between 0 and 2 then job.temperature end, case when job.max_tokens > 0 then job.max_tokens end,
    case when lost then 'failed' when runs and job.status = 'succeeded' then 'running' else job.status end,
    coalesce(job.percent, 0), case when runs and job.eta_seconds >= 0 then job.eta_seconds end,
    case when lost then coalesce(job.error, 'The job was lost before the upgrade, and it has expired.') else job.error end,
    -- Its runner may still live: a function of the first version runs for up to two minutes.
    case when runs then v_now + interval '5 minutes' end,
    private.import_time(coalesce(job.created_at, job.updated_at, v_now), v_now),
    private.import_time(coalesce(job.updated_at, v_now), v_now), private.import_time(job.started_at, v_now),
    case when not runs then private.import_time(coalesce(job.completed_at, job.updated_at, v_now), v_now) end
  from public.report_jobs job
  cross join lateral (
    select
      -- One that has just succeeded, and that the row does not name, may be about to write its result into the row. As an
      -- event, the result would have lost, and the write would be taken for its repetition.
      job.status in ('queued', 'running') and coalesce(job.expires_at > v_now, true)
        or job.status = 'succeeded' and coalesce(job.completed_at > v_now - interval '5 minutes', false)
          and not private.is_blank(job.result)
          and job.job_id is distinct from coalesce(p_row.webhook_job_id, p_row.research_metadata ->> 'job_id') as runs,
      job.status in ('queued', 'running') and not coalesce(job.expires_at > v_now, true) as lost) fate
  cross join lateral private.named_report(job.metadata, job.idempotency_key) named
  where (
      job.job_id in (p_row.webhook_job_id, p_row.research_metadata ->> 'job_id')
      or job.metadata ->> 'report_id' = p_row.id::text
        and p_report_type = case job.metadata ->> 'report_type'
          when 'organization' then 'org' when 'requirements' then 'requirement' else job.metadata ->> 'report_type' end
      or not v_has_text and job.idempotency_key = v_key)
    and (job.user_id is null or job.user_id = p_row.user_id)
    -- An id that no endpoint reads would stop the sweep; one of an imported event would keep that event from being recorded.
    and private.is_job_id(job.job_id) and not starts_with(job.job_id, 'import_')
    and case
      when named.report_id is not null then (named.report_type, named.report_id) = (p_report_type, p_row.id)
      -- Whoever knows the id of a job of nobody could write it into a report of theirs. The text proves that it is theirs.
      else job.user_id is not null or job.result = p_row.research_report end
  order by coalesce(job.job_id in (p_row.webhook_job_id, p_row.research_metadata ->> 'job_id'), false) desc,
    job.user_id is null desc, private.import_time(job.created_at, v_now) desc nulls last, job.job_id desc
  limit c_jobs
  on conflict (job_id) do nothing;
  -- Lost jobs only: one whose result is on its way stays shown as it ended, for its clients and for the sweep.
  perform private.show_job(run.job_id)
  from private.job_runs run join public.report_jobs shown on shown.job_id = run.job_id
  where run.report_type = p_report_type and run.report_id = p_row.id and run.status = 'failed' and shown.status <> 'failed';
  select * into v_own from private.job_runs
  where report_type = p_report_type and report_id = p_row.id and status = 'succeeded' and v_has_text
    and job_id = coalesce(p_row.webhook_job_id, p_row.research_metadata ->> 'job_id');

  -- The winner: the row's own text, else the newest result that only its job has, else the failure that its webhook tells.
  v_winner.report_type := p_report_type;
  v_winner.report_id := p_row.id;
  v_winner.stage := 'prelim';
  if v_has_text then
    v_winner_id := v_prefix;
    v_winner.stage := case when p_row.research_metadata ->> 'processing_stage' = 'final' or v_own.stage = 'final' or (
      select audit.webhook_type from public.webhook_audit audit
      -- By its jobs too: the platform has an index of them, and none of reports.
      where audit.job_id = any (array[p_row.webhook_job_id, p_row.research_metadata ->> 'job_id'] || array(
          select job_id from private.job_runs where report_type = p_report_type and report_id = p_row.id))
        and audit.report_id = p_row.id and audit.response_status = 200 and audit.webhook_type is not null
      order by audit.created_at desc limit 1) = 'final-report' then 'final' else 'prelim' end;
    v_winner.job_id := v_own.job_id;
    v_winner.research_report := p_row.research_report;
    v_winner.research_metadata := p_row.research_metadata;
    v_winner.requested_at := private.import_time(coalesce(v_own.created_at, (
      -- What the row shows is older than what an unfinished job will write: the job has touched updated_at itself.
      select least(
        coalesce(max(created_at) filter (where status = 'succeeded'), p_row.updated_at),
        min(created_at) filter (where status in ('queued', 'running')) - interval '1 millisecond')
      from private.job_runs where report_type = p_report_type and report_id = p_row.id), v_now), v_now);
  end if;
  for v_job in
    select run.job_id, run.stage, run.created_at, shown.result
    from private.job_runs run
    join public.report_jobs shown on shown.job_id = run.job_id
    where run.report_type = p_report_type and run.report_id = p_row.id and run.status = 'succeeded' and run.event_id is null
      and not private.is_blank(shown.result) and run.job_id is distinct from v_own.job_id
    order by run.created_at desc, run.job_id desc
  loop
    v_result := v_winner;
    v_result.job_id := v_job.job_id;
    v_result.stage := v_job.stage;
    v_result.research_report := v_job.result;
    v_result.research_metadata := '{}';
    v_result.requested_at := v_job.created_at;
    if v_winner_id is null then
      v_winner := v_result;
      -- The row keeps its metadata, and metadata is the winner's.
      v_winner.research_metadata := p_row.research_metadata;
      v_winner_id := 'import_job_' || encode(sha256(convert_to(v_job.job_id, 'UTF8')), 'hex');
      continue;
    end if;
    -- What lost, lost: it must not outrank what the report shows.
    if v_winner.stage = 'prelim' then
      v_result.stage := 'prelim';
    end if;
    v_result.requested_at := least(v_result.requested_at, v_winner.requested_at - interval '1 millisecond');
    v_result.type := format('report.%s.completed', v_result.stage);
    v_event := private.insert_event(
      'import_job_' || encode(sha256(convert_to(v_job.job_id, 'UTF8')), 'hex'), v_result, v_result.requested_at, 'import',
      'superseded');
    update private.job_runs set event_id = v_event.id where job_id = v_job.job_id;
  end loop;
  if v_winner_id is null and p_row.webhook_status in ('failed', 'sent', 'retrying') then
    v_winner_id := v_prefix;
    v_winner.requested_at := private.import_time(p_row.updated_at, v_now);
    v_winner.error := 'The result was lost before the upgrade.';
  end if;
  if v_winner_id is null then
    return p_row;
  end if;
  v_winner.type := format('report.%s.%s', v_winner.stage, case when v_winner.error is null then 'completed' else 'failed' end);
  -- An event whose job is not known is its own job: the endpoints accept no event without one.
  v_winner.job_id := coalesce(v_winner.job_id, v_winner_id);
  v_event := private.insert_event(v_winner_id, v_winner, v_winner.requested_at, 'import', 'applied');
  update private.job_runs set event_id = v_event.id where job_id = v_winner.job_id and status = 'succeeded';
  -- Rows that no webhook was ever sent for have no delivery to show.
  if coalesce(p_row.webhook_status, 'pending') <> 'pending' or p_row.webhook_job_id is not null then
    v_dead_reason := case
      when v_event.status = 'failed' then 'import'
      -- The row shows the result. Nothing could confirm it by the webhook: the endpoint reads no such content.
      when p_row.webhook_status is distinct from 'success' and not private.fits_endpoint(v_event) then 'unsendable'
    end;
    p_row.webhook_status := case
      -- Nobody holds it any more.
      when v_dead_reason is not null or p_row.webhook_status = 'retrying' then 'failed'
      else coalesce(p_row.webhook_status, 'pending') end;
    p_row.webhook_attempts := coalesce(p_row.webhook_attempts, 0);
    p_row.webhook_response := coalesce(p_row.webhook_response, '{}');
    perform set_config('polaris.import', 'on', true);
    insert into public.webhook_deliveries (
      event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response, dead_at,
      dead_reason)
    values (
      v_event.id, private.internal_endpoint(v_event.stage), p_report_type, p_row.id, p_row.webhook_job_id,
      p_row.webhook_status, p_row.webhook_attempts, p_row.webhook_last_attempt,
      case when v_dead_reason is null and p_row.webhook_status <> 'success' then v_now end, p_row.webhook_response,
      case when v_dead_reason is not null then v_now end, v_dead_reason);
    perform set_config('polaris.import', '', true);
  end if;
  if v_event.status = 'completed' then
    p_row.winner_event_id := v_event.id;
    p_row.stage := v_event.stage;
    p_row.research_report := v_winner.research_report;
  end if;
  return p_row;
end
$$;

comment on function private.import_events(text, private.report_row) is
  'Makes events, jobs and the delivery of a report from before the events, under its lock. Touches no row of reports: returns the row as it must become.';
revoke all on function private.import_events(text, private.report_row) from public, anon, authenticated, service_role;

-- supabase/sql/reports/import_report.sql
create or replace function private.import_report(p_report_type text, p_report_id uuid)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_table text := private.report_table(p_report_type);
  v_row private.report_row;
begin
  execute format(
    'select id, user_id, research_report, research_metadata, webhook_status, webhook_attempts, webhook_last_attempt,
       webhook_response, webhook_job_id, updated_at, winner_event_id, stage
     from public.%I where id = $1', v_table)
  into v_row using p_report_id;
  v_row := private.import_events(p_report_type, v_row);
  execute format(
    'update public.%I set research_report = $1, winner_event_id = $2, stage = $3, webhook_status = $4, webhook_attempts = $5,
       webhook_last_attempt = $6, webhook_response = $7, research_status = $8
     where id = $9', v_table)
  using v_row.research_report, v_row.winner_event_id, v_row.stage, v_row.webhook_status, v_row.webhook_attempts,
    v_row.webhook_last_attempt, v_row.webhook_response, private.report_status(p_report_type, p_report_id), p_report_id;
end
$$;

comment on function private.import_report(text, uuid) is
  'Imports a report from before the events. The caller holds its lock.';
revoke all on function private.import_report(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/import_reports.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.import_reports(p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_type public.report_types;
  v_report_id uuid;
  v_imported int := 0;
  -- Writers of the batch's reports wait for its end, and texts may be large: a report of 10 MB takes half a second. Without this,
  -- a batch could last longer than REST lets a statement last, and each sweep would try the same one without effect.
  v_deadline timestamptz := clock_timestamp() + interval '1 second';
begin
  for v_type in select * from public.report_types loop
    exit when v_imported >= p_limit or clock_timestamp() > v_deadline;
    for v_report_id in
      execute format(
        'select report.id from private.reports_to_import marker
         join public.%I report on report.id = marker.report_id
         where marker.report_type = $1 order by marker.failed_at nulls first, marker.report_id limit $2
         for no key update of report skip locked',
        v_type.table_name)
      using v_type.report_type, p_limit - v_imported
    loop
      begin
        perform private.import_report(v_type.report_type, v_report_id);
        v_imported := v_imported + 1;
      exception when others then
        -- One report costs only itself: the others go on, and this one is tried last.
        update private.reports_to_import set failed_at = now(), error = sqlerrm
        where report_type = v_type.report_type and report_id = v_report_id;
      end;
      exit when clock_timestamp() > v_deadline;
    end loop;
    if not found then
      -- Markers of reports that are gone.
      execute format(
        'delete from private.reports_to_import marker
         where report_type = $1 and not exists (select from public.%I report where report.id = marker.report_id)',
        v_type.table_name)
      using v_type.report_type;
    end if;
  end loop;
  return jsonb_build_object('imported', v_imported, 'left', (select count(*) from private.reports_to_import));
end
$$;

comment on function public.import_reports(int) is
  'Imports up to p_limit reports from before the events, for about a second, skipping those that others hold. Returns {imported, left}.';
revoke all on function public.import_reports(int) from public, anon, authenticated, service_role;
grant execute on function public.import_reports(int) to service_role;

-- supabase/sql/reports/import_time.sql
create or replace function private.import_time(p_time timestamptz, p_now timestamptz)
returns timestamptz
language plpgsql immutable set search_path = '' as $$
begin
  return case when p_time is not null then greatest(least(p_time, p_now), 'epoch') end;
end
$$;

comment on function private.import_time(timestamptz, timestamptz) is
  'A time that others wrote before the upgrade, in the years that JSON and our clients can carry: not before 1970, not after p_now. Null stays null.';
revoke all on function private.import_time(timestamptz, timestamptz) from public, anon, authenticated, service_role;

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

-- supabase/sql/reports/keep_updated_at.sql
create or replace function private.keep_updated_at()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  new.updated_at := old.updated_at;
  return new;
end
$$;

comment on function private.keep_updated_at() is
  'The import leaves updated_at as it was: it must fire after the platform''s own trigger.';
revoke all on function private.keep_updated_at() from public, anon, authenticated, service_role;

-- supabase/sql/reports/lock_account.sql
-- Definer rights: Auth deletes accounts in a role of its own, which has no rights on reports and jobs.
create or replace function private.lock_account()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_type public.report_types;
begin
  -- The foreign keys of the user delete in the order in which they were made: jobs before reports, which is not ours.
  -- Deliveries come before the user and are not waited for: close_report() skips those that a sender holds.
  perform from public.polaris_summaries where user_id = old.id order by id for update;
  for v_type in select * from public.report_types order by report_type loop
    execute format('select from public.%I where user_id = $1 order by id for update', v_type.table_name) using old.id;
  end loop;
  perform from public.report_jobs where user_id = old.id order by job_id for update;
  return old;
end
$$;

comment on function private.lock_account() is
  'Before an account is deleted, locks what is deleted with it in the one order of locks: user, summaries, reports, jobs. Otherwise the deletion and a writer of a report can wait for each other.';
revoke all on function private.lock_account() from public, anon, authenticated, service_role;

-- supabase/sql/reports/lock_owner.sql
-- Definer rights: owners may not read the table of users.
create or replace function private.lock_owner()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- A trigger for each row would come too late: it runs with the row locked.
  perform from auth.users where id = (select auth.uid()) for key share;
  -- A statement about many rows locks them in an order of its own: two of one owner would wait for each other.
  perform pg_advisory_xact_lock(hashtextextended('owner ' || (select auth.uid()), 0));
  return null;
end
$$;

comment on function private.lock_owner() is
  'Before a statement of an owner changes rows, locks the owner''s account, as the order of locks demands, and waits for other statements of this owner.';
revoke all on function private.lock_owner() from public, anon, authenticated, service_role;

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
  if v_summary_id is not null or p_summary_id is not null then
    perform from public.polaris_summaries where id in (v_summary_id, p_summary_id) order by id for key share;
  end if;
  execute format('select user_id from public.%I where id = $1 for no key update', v_table)
  into v_owner using p_report_id;
  if v_owner is not null
    and exists (select from private.reports_to_import where report_type = p_report_type and report_id = p_report_id)
  then
    perform private.import_report(p_report_type, p_report_id);
  end if;
  return v_owner;
end
$$;

comment on function private.lock_report(text, uuid, uuid) is
  'Locks a report''s row until the transaction ends, imports it where nobody has, and returns its owner. Null: there is no such report. p_summary_id: of another summary that a row of this transaction will refer to.';
revoke all on function private.lock_report(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/lock_table.sql
create or replace function private.lock_table(p_table_name text)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  c_tries constant int := 5;
begin
  -- Longer than deadlock_timeout, after which PostgreSQL ends an autovacuum that is in the way.
  perform set_config('lock_timeout', '2s', true);
  for v_try in 1..c_tries loop
    begin
      execute format('lock table public.%I in access exclusive mode', p_table_name);
      return;
    exception when lock_not_available then
      -- Whoever has queued behind this attempt goes on before the next one.
      perform pg_sleep(1) where v_try < c_tries;
    end;
  end loop;
  raise exception 'Other transactions use public.% for too long. Nothing was changed: push again.', p_table_name
    using errcode = 'lock_not_available',
      hint = 'docs/upgrading.md has the query that finds transactions which have been open for long.';
end
$$;

comment on function private.lock_table(text) is
  'Locks a table of the platform for a migration. Nobody waits longer than 2 s behind an attempt, of which there are five.';
revoke all on function private.lock_table(text) from public, anon, authenticated, service_role;

-- supabase/sql/reports/note_account_deletion.sql
-- Definer rights: Auth deletes accounts in a role of its own, which has no rights on our tables.
create or replace function private.note_account_deletion()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  if tg_op = 'DELETE' or old.deleted_at is null and new.deleted_at is not null then
    insert into private.erasures (user_id) values (old.id) on conflict do nothing;
  end if;
  return null;
end
$$;

comment on function private.note_account_deletion() is
  'An account was deleted, or softly deleted by Auth, which keeps its row and sets deleted_at: the next sweep erases what is left of it.';
revoke all on function private.note_account_deletion() from public, anon, authenticated, service_role;

-- supabase/sql/reports/open_first_version.sql
create or replace function private.open_first_version()
returns text
language plpgsql volatile set search_path = '' as $$
begin
  update private.first_version set closed_at = null where only_row;
  grant execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) to service_role;
  grant execute on function public.get_failed_webhooks(int, int) to service_role;
  return 'The platform''s first functions may write results again.';
end
$$;

comment on function private.open_first_version() is
  'Undoes close_first_version().';
revoke all on function private.open_first_version() from public, anon, authenticated, service_role;

-- supabase/sql/reports/record_insert.sql
-- Definer rights: people and servers who write reports may not write events.
create or replace function private.record_insert()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_failed boolean := tg_argv[1] = 'platform' and new.research_status = 'failed' and private.is_blank(new.research_report);
  v_event public.report_events;
begin
  -- Events of an earlier report may carry this id, and would attach to this one.
  if exists (select from public.report_events where report_id = new.id and report_type = tg_argv[0]) then
    raise exception 'this id was used before' using errcode = 'unique_violation';
  end if;
  if new.research_report is null then
    return null;
  end if;
  perform private.refuse_first_version(tg_argv[1]);
  perform private.count_foreign_write();
  v_event := private.record_foreign(
    tg_argv[0], new.id, tg_argv[1], new.research_report, new.research_metadata, v_failed, new.stage, null,
    new.research_metadata ->> 'job_id', new.winner_event_id);
  if new.winner_event_id is null then
    execute format(
      'update public.%I set winner_event_id = $1, stage = $2, research_status = $3 where id = $4', tg_table_name)
    using case when v_event.status = 'completed' then v_event.id end,
      case when v_event.status = 'completed' then v_event.stage end, private.report_status(tg_argv[0], new.id), new.id;
  end if;
  return null;
end
$$;

comment on function private.record_insert() is
  'A report that others insert with a text: the text becomes its first event. After the insert, since an upsert would see values that were minted before it.';
revoke all on function private.record_insert() from public, anon, authenticated, service_role;

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

-- supabase/sql/reports/refuse_first_version.sql
create or replace function private.refuse_first_version(p_channel text)
returns void
language plpgsql stable set search_path = '' as $$
begin
  -- The role of the request; in the SQL editor there is none.
  if p_channel = 'platform'
    and exists (select from private.first_version where closed_at is not null)
    and coalesce(current_setting('role', true), 'none') not in ('none', 'postgres')
  then
    raise exception 'results are written through the webhooks alone' using errcode = 'PL006',
      hint = 'select private.open_first_version() lets the platform''s first functions write again.';
  end if;
end
$$;

comment on function private.refuse_first_version(text) is
  'Refuses results that the platform''s servers write, once close_first_version() was called.';
revoke all on function private.refuse_first_version(text) from public, anon, authenticated, service_role;

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
    -- As `not exists`, and planned while job_runs was small, this would read all of it at each call.
    and (select job.job_id from private.job_runs job where job.job_id = event.job_id) is null
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

-- supabase/sql/reports/try_lock_report.sql
-- For work on many rows: one that another transaction holds is left for the next time, and none waits for it.
create or replace function private.try_lock_report(p_report_type text, p_report_id uuid)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
begin
  perform private.lock_report(p_report_type, p_report_id);
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.try_lock_report(text, uuid) is
  'Locks a report as lock_report() does, if that needs no waiting. False: another transaction holds it.';
revoke all on function private.try_lock_report(text, uuid) from public, anon, authenticated, service_role;

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

-- supabase/sql/reports/unfinished_tables.sql
create or replace view private.unfinished_tables with (security_invoker = true) as
  select tables.table_name, part.name, part.statement
  from (select table_name from public.report_types union all select 'webhook_audit') tables
  cross join lateral private.finish_table(tables.table_name) part;

comment on view private.unfinished_tables is
  'What npm run upgrade still has to build on the large tables of the platform. No row: nothing.';
revoke all on private.unfinished_tables from anon, authenticated, service_role;

-- supabase/sql/reports/erasures.sql
comment on table private.erasures is
  'Reports and accounts that were deleted and whose content the next sweep erases. A row without a report is an account.';
comment on column private.erasures.user_id is 'The owner when the report was deleted.';
comment on column private.erasures.tried_at is 'When a sweep last found something of it locked, or more than it erases at once.';
alter table private.erasures enable row level security;
revoke all on table private.erasures from anon, authenticated, service_role;
revoke all on sequence private.erasures_id_seq from anon, authenticated, service_role;

-- supabase/sql/reports/first_version.sql
comment on table private.first_version is 'One row: since when the functions of the platform''s first version may write no results.';
alter table private.first_version enable row level security;
revoke all on table private.first_version from anon, authenticated, service_role;

-- supabase/sql/reports/operators.sql
comment on table public.operators is 'Who may watch, retry and redrive. Deleting a row revokes at once.';
alter table public.operators enable row level security;
revoke all on table public.operators from anon, authenticated, service_role;
grant select on table public.operators to authenticated;
drop policy if exists "people see themselves" on public.operators;
create policy "people see themselves" on public.operators for select to authenticated
  using (user_id = (select auth.uid()));

-- supabase/sql/reports/polaris_summaries.sql
drop policy if exists "operators read" on public.polaris_summaries;
create policy "operators read" on public.polaris_summaries for select to authenticated
  using ((select private.is_operator()));
-- Deleting a summary deletes its reports, in an order of its own.
create or replace trigger lock_owner before delete on public.polaris_summaries
  for each statement when (current_user in ('anon', 'authenticated')) execute function private.lock_owner();

-- supabase/sql/reports/report_types.sql
comment on table public.report_types is
  'The one list of report types. To add one, call private.create_report_type() in a migration.';
alter table public.report_types enable row level security;
revoke all on table public.report_types from anon, authenticated, service_role;
grant select on table public.report_types to authenticated;
drop policy if exists "everyone reads" on public.report_types;
create policy "everyone reads" on public.report_types for select to authenticated using (true);

-- supabase/sql/reports/reports_to_import.sql
comment on table private.reports_to_import is
  'Reports from before the events. Whoever first touches one imports it in the same transaction.';
alter table private.reports_to_import enable row level security;
revoke all on table private.reports_to_import from anon, authenticated, service_role;

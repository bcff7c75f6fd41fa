-- Why: a result must be stored once, unchangeable, and apart from the report row that shows it. Events keep what happened and
-- in which order; contents keep the texts, which can be erased while the events stay.

-- While the push waits for a lock, everybody else waits behind the push.
select set_config('lock_timeout', '2s', true);

create table public.report_events (
  id text primary key
    constraint event_id_has_no_dot_and_fits_a_header check (id ~ '^[A-Za-z0-9_-]{1,128}$'),
  type text not null
    constraint event_type_is_known check (type in (
      'report.prelim.completed', 'report.prelim.failed', 'report.final.completed', 'report.final.failed',
      'report.owner.edited')),
  report_type text not null references public.report_types (report_type),
  report_id uuid not null,
  stage text not null
    constraint event_stage_is_known check (stage in ('prelim', 'final')),
  status text not null generated always as (case when type like '%.failed' then 'failed' else 'completed' end) stored,
  job_id text,
  -- To the millisecond, as JSON carries it.
  requested_at timestamptz(3) not null,
  digest text not null,
  error text,
  channel text
    constraint event_channel_is_known check (channel in ('webhook', 'direct', 'owner', 'platform', 'import')),
  effect text
    constraint event_effect_is_known check (effect in ('applied', 'superseded')),
  position bigint
    constraint event_position_counts_from_one check (position >= 1),
  applied_at timestamptz,
  created_at timestamptz not null default now(),
  erased_at timestamptz,
  bulk boolean not null default coalesce(current_setting('polaris.bulk', true), '') = 'on',
  constraint event_effect_has_channel_position_and_time check (
    num_nulls(effect, channel, position, applied_at) in (0, 4)),
  constraint erased_event_has_no_error check (erased_at is null or error is null)
);
create unique index report_events_job on public.report_events (job_id) where job_id is not null;
create unique index report_events_position on public.report_events (report_id, report_type, position);
create index report_events_report on public.report_events (report_id, report_type, requested_at desc);
create index report_events_without_effect on public.report_events (created_at) where effect is null;

create table private.report_contents (
  event_id text primary key references public.report_events (id),
  research_report text,
  research_metadata jsonb,
  final_data jsonb,
  lost_at timestamptz
)
-- Retention deletes texts of up to 900 KB, which stand in the TOAST table: their space is to be used again soon.
with (autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_scale_factor = 0.02);

create index report_contents_lost on private.report_contents (lost_at, event_id) where lost_at is not null;

-- The reference locks auth.users against writers. On a time-out of this lock, push again.
create table public.report_notifications (
  id bigint generated always as identity primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  report_type text not null references public.report_types (report_type),
  report_id uuid not null,
  event_id text not null unique references public.report_events (id),
  created_at timestamptz not null default now(),
  read_at timestamptz
);
create index report_notifications_user on public.report_notifications (user_id, id desc);

-- A result on its way into the database: what a webhook's body says, or what a runner hands over. Its event does not exist yet.
create type private.incoming_result as (
  type text,
  report_type text,
  report_id uuid,
  stage text,
  job_id text,
  requested_at timestamptz,
  research_report text,
  research_metadata jsonb,
  final_data jsonb,
  error text
);

-- Generated from supabase/sql/events: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/events/apply_report_event.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_report_event(
  p_event_id text, p_channel text default 'webhook', p_body text default null, p_endpoint_id text default null,
  p_body_sha256 text default null, p_body_bytes int default null, p_elapsed_ms numeric default 0)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_started timestamptz := clock_timestamp();
  v_result private.incoming_result;
  v_event public.report_events;
  v_owner uuid;
  v_registered record;
  v_outcome text;
  v_is_forgotten boolean;
  v_answer jsonb;
begin
  if p_body is not null then
    v_result := private.read_body(p_body, p_endpoint_id);
    -- One at a time for each id: copies of an event that is not known yet wait here, and then find it.
    perform pg_advisory_xact_lock(hashtextextended(p_event_id, 0));
  end if;
  v_event := private.find_event(p_event_id, v_result.job_id);
  if v_event.id is null and p_body is null then
    raise exception 'no event %', p_event_id using errcode = 'PL002';
  elsif v_event.erased_at is not null then
    -- Nothing is left that this content could be compared with.
    v_outcome := 'duplicate';
  elsif v_event.id is not null and p_body is not null and v_event.digest <> private.content_digest(v_result) then
    v_outcome := case when v_event.id = p_event_id then 'event_conflict' else 'job_conflict' end;
  else
    if v_event.id is not null then
      perform from public.webhook_deliveries
      where event_id = v_event.id and endpoint_id = private.internal_endpoint(v_event.stage) for update;
    end if;
    v_owner := private.lock_report(
      coalesce(v_event.report_type, v_result.report_type), coalesce(v_event.report_id, v_result.report_id));
    if v_owner is null then
      v_outcome := 'report_not_found';
      perform private.close_deliveries(v_event.id);
    else
      if v_event.id is null then
        v_registered := private.register_event(p_event_id, v_result, v_owner, p_channel);
        v_event := v_registered.event;
        v_outcome := coalesce(v_registered.problem, v_event.effect);
        if v_registered.problem is null then
          perform private.show_effect(v_event, v_owner);
        end if;
      else
        -- While this call waited for the locks, another may have applied the event.
        v_event := private.find_event(v_event.id, null);
        v_outcome := case when v_event.effect is null
          then private.take_effect(v_event, p_channel, v_owner) else 'duplicate' end;
      end if;
      if p_channel = 'webhook' and v_outcome in ('applied', 'superseded', 'duplicate') then
        perform private.confirm_delivery(v_event, v_outcome);
      end if;
    end if;
  end if;
  v_answer := jsonb_build_object(
    'outcome', v_outcome,
    'report_id', coalesce(v_result.report_id, v_event.report_id),
    'job_id', coalesce(v_result.job_id, v_event.job_id),
    'report_type', coalesce(v_result.report_type, v_event.report_type),
    'stage', coalesce(v_result.stage, v_event.stage),
    'status', split_part(coalesce(v_result.type, v_event.type), '.', 3),
    'timestamp', private.iso_time(clock_timestamp()));
  if p_channel = 'webhook' then
    -- What was erased, or has no report, must not come back through the audit.
    v_is_forgotten := v_event.erased_at is not null or v_outcome = 'report_not_found';
    perform private.add_audit(
      p_direction => 'in', p_outcome => v_outcome, p_endpoint_id => p_endpoint_id,
      p_event_id => coalesce(v_event.id, p_event_id), p_job_id => v_result.job_id, p_report_type => v_result.report_type,
      p_report_id => v_result.report_id,
      p_payload => jsonb_strip_nulls(jsonb_build_object(
        'id', p_event_id, 'type', v_result.type, 'data', jsonb_build_object(
          'job_id', v_result.job_id, 'report_id', v_result.report_id, 'report_type', v_result.report_type,
          -- A sender may repeat an error of 900 KB for ever; the event keeps it once.
          'research_status', split_part(v_result.type, '.', 3), 'error', case when not v_is_forgotten then "left"(v_result.error, 500) end,
          'requested_at', private.iso_time(v_result.requested_at)))),
      p_response_status => private.outcome_status(v_outcome), p_response_body => v_answer,
      p_body_sha256 => case when not v_is_forgotten then p_body_sha256 end, p_body_bytes => p_body_bytes,
      p_duration_ms => p_elapsed_ms + extract(epoch from clock_timestamp() - v_started) * 1000);
  end if;
  return v_answer;
end
$$;

comment on function public.apply_report_event(text, text, text, text, text, int, numeric) is
  'The one write path of results. With a body, what a verified webhook says; without one, an event that is recorded already. Returns {outcome, report_id, job_id, report_type, stage, status, timestamp}.';
revoke all on function public.apply_report_event(text, text, text, text, text, int, numeric) from public, anon, authenticated, service_role;
grant execute on function public.apply_report_event(text, text, text, text, text, int, numeric) to service_role;

-- supabase/sql/events/content_digest.sql
create or replace function private.content_digest(p_result private.incoming_result)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- Texts are hashed as they are, so that no canonical form of a large text has to be built; jsonb prints its own canonical
  -- text: one order of members, one spelling of every value. Null says the same as absent, as when a body is read.
  return encode(sha256(convert_to(jsonb_build_array(
    p_result.type, p_result.report_type, p_result.report_id, p_result.job_id,
    encode(sha256(convert_to(p_result.research_report, 'UTF8')), 'hex'),
    encode(sha256(convert_to(nullif(p_result.research_metadata, 'null')::text, 'UTF8')), 'hex'),
    encode(sha256(convert_to(nullif(p_result.final_data, 'null')::text, 'UTF8')), 'hex'),
    p_result.error)::text, 'UTF8')), 'hex');
end
$$;

comment on function private.content_digest(private.incoming_result) is
  'SHA-256, in hexadecimal, of a result: its type, what it is about and its content, without times.';
revoke all on function private.content_digest(private.incoming_result) from public, anon, authenticated, service_role;

-- supabase/sql/events/decide_effect.sql
create or replace function private.decide_effect(p_event public.report_events)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_winner_id text;
  v_winner public.report_events;
  v_effect text;
begin
  if p_event.status = 'completed' then
    execute format('select winner_event_id from public.%I where id = $1', private.report_table(p_event.report_type))
    into v_winner_id using p_event.report_id;
    select * into v_winner from public.report_events where id = v_winner_id;
    v_effect := case when private.event_outranks(p_event, v_winner) then 'applied' else 'superseded' end;
  else
    -- A failure takes no part in the order of results: it shows only while nothing newer was asked for.
    v_effect := case when exists (
        select from private.job_runs job
        where job.report_id = p_event.report_id and job.report_type = p_event.report_type
          and job.status <> 'cancelled' and job.job_id is distinct from p_event.job_id
          and job.created_at::timestamptz(3) > p_event.requested_at)
      or exists (
        select from public.report_events event
        where event.report_id = p_event.report_id and event.report_type = p_event.report_type
          and event.requested_at > p_event.requested_at and event.effect is not null)
      then 'superseded' else 'applied' end;
  end if;
  return v_effect;
end
$$;

comment on function private.decide_effect(public.report_events) is
  'What applying an event would do now, recorded or not: applied or superseded. The caller holds the report''s lock.';
revoke all on function private.decide_effect(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/events/envelope.sql
create or replace function private.envelope(p_event public.report_events)
returns text
language plpgsql stable set search_path = '' as $$
begin
  -- Concatenated, since jsonb would reorder the members and parse the text again. format_version 1.
  return (
    select '{"type":' || to_json(p_event.type)::text || ',"timestamp":"' || private.iso_time(p_event.created_at)
      || '","data":{"job_id":' || coalesce(to_json(p_event.job_id)::text, 'null')
      || ',"report_id":"' || p_event.report_id::text || '","report_type":' || to_json(p_event.report_type)::text
      || ',"research_status":"' || p_event.status || '","requested_at":"' || private.iso_time(p_event.requested_at) || '"'
      || coalesce(',"research_report":' || to_json(content.research_report)::text, '')
      || coalesce(',"research_metadata":' || content.research_metadata::text, '')
      || coalesce(',"final_data":' || content.final_data::text, '')
      || coalesce(',"error":' || to_json(p_event.error)::text, '') || '}}'
    from (select 1) always
    left join private.report_contents content on content.event_id = p_event.id);
end
$$;

comment on function private.envelope(public.report_events) is
  'The body of an event''s webhook, a function of the event alone: the same bytes on every attempt and every path.';
revoke all on function private.envelope(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/events/event_outranks.sql
create or replace function private.event_outranks(p_event public.report_events, p_other public.report_events)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return p_other.id is null
    or (p_event.stage = 'final', p_event.requested_at, p_event.id collate "C")
     > (p_other.stage = 'final', p_other.requested_at, p_other.id collate "C");
end
$$;

comment on function private.event_outranks(public.report_events, public.report_events) is
  'The one order of events: stage, then the time of the request, then the id.';
revoke all on function private.event_outranks(public.report_events, public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/events/find_event.sql
create or replace function private.find_event(p_event_id text, p_job_id text)
returns public.report_events
language plpgsql stable set search_path = '' as $$
declare
  v_event public.report_events;
begin
  select * into v_event from public.report_events where id = p_event_id;
  if v_event.id is null and p_job_id is not null then
    select * into v_event from public.report_events where job_id = p_job_id;
  end if;
  return v_event;
end
$$;

comment on function private.find_event(text, text) is
  'The event with this id, else the one completion that the job has.';
revoke all on function private.find_event(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/forget_event.sql
-- The caller may hold the report's lock, before which deliveries come: what another transaction holds is not waited for.
create or replace function private.forget_event(p_event_id text, p_is_folded boolean default false)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  c_audit_rows constant int := 500;
  v_retention text := coalesce(current_setting('polaris.retention', true), '');
  v_event public.report_events;
  v_report record;
  v_delivery record;
begin
  perform from public.webhook_deliveries where event_id = p_event_id order by id for update nowait;
  select * into v_event from public.report_events where id = p_event_id;
  if v_event.erased_at is not null then
    return true;
  end if;
  execute format('select winner_event_id from public.%I where id = $1', private.report_table(v_event.report_type))
  into v_report using v_event.report_id;
  if v_report.winner_event_id = p_event_id then
    return false;
  end if;
  for v_delivery in
    select delivery.id, endpoint.kind from public.webhook_deliveries delivery
    join public.webhook_endpoints endpoint on endpoint.id = delivery.endpoint_id
    where delivery.event_id = p_event_id order by delivery.id
  loop
    if p_is_folded and v_delivery.kind = 'subscriber' then
      perform private.move_delivery(v_delivery.id, 'superseded');
    end if;
    perform private.move_delivery(v_delivery.id, 'erased');
  end loop;
  update private.job_runs set error = null where event_id = p_event_id and error is not null;
  if found then
    perform private.show_job(v_event.job_id);
    perform from public.report_jobs where job_id = v_event.job_id and error is not null for update nowait;
  end if;
  if private.forget_audit(p_event_id, null, c_audit_rows) = c_audit_rows then
    return false;
  end if;
  perform set_config('polaris.retention', 'on', true);
  update public.report_events
  set erased_at = clock_timestamp(), error = null,
    digest = encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex')
  where id = p_event_id;
  delete from private.report_contents where event_id = p_event_id;
  perform set_config('polaris.retention', v_retention, true);
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.forget_event(text, boolean) is
  'The one eraser of an event''s content: its text, metadata and final data, its error, its digest, and what answers and the audit echo of it. Id, order and audit stay. Open deliveries end: nothing is left to send. False: it is not done yet, since another transaction holds something of it, or it is the winner of its report. p_is_folded: a later edit says the same to subscribers.';
revoke all on function private.forget_event(text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/events/insert_event.sql
create or replace function private.insert_event(
  p_event_id text, p_result private.incoming_result, p_requested_at timestamptz, p_channel text,
  p_effect text default null)
returns public.report_events
language plpgsql volatile set search_path = '' as $$
declare
  v_event public.report_events;
begin
  v_event.id := p_event_id;
  v_event.type := p_result.type;
  v_event.status := split_part(p_result.type, '.', 3);
  v_event.report_type := p_result.report_type;
  v_event.report_id := p_result.report_id;
  v_event.stage := p_result.stage;
  v_event.job_id := p_result.job_id;
  v_event.requested_at := p_requested_at;
  if p_channel is not null then
    -- With its effect at once: a second write of the row would enter all its indexes again.
    v_event.effect := coalesce(p_effect, private.decide_effect(v_event));
    v_event.position := private.next_position(v_event.report_type, v_event.report_id);
    v_event.applied_at := clock_timestamp();
  end if;
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, position, applied_at)
  values (
    v_event.id, v_event.type, v_event.report_type, v_event.report_id, v_event.stage, v_event.job_id, v_event.requested_at,
    private.content_digest(p_result), p_result.error, p_channel, v_event.effect, v_event.position, v_event.applied_at)
  on conflict do nothing
  returning * into v_event;
  if v_event.id is not null then
    insert into private.report_contents (event_id, research_report, research_metadata, final_data, lost_at)
    values (
      v_event.id, p_result.research_report, p_result.research_metadata, p_result.final_data,
      case when v_event.effect = 'superseded' or v_event.status = 'failed' then v_event.applied_at end);
  end if;
  return v_event;
end
$$;

comment on function private.insert_event(text, private.incoming_result, timestamptz, text, text) is
  'Records an event with its content, and with its effect where p_channel says who applies it now: p_effect, or what decide_effect() says. Null: its id or its job has one already.';
revoke all on function private.insert_event(text, private.incoming_result, timestamptz, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/is_blank.sql
create or replace function private.is_blank(p_text text)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  -- White space as JavaScript trims it, which is what the endpoints ask.
  return coalesce(btrim(p_text, E' \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff') = '', true);
end
$$;

comment on function private.is_blank(text) is
  'Whether a text is null or nothing but white space: no result of a report.';
revoke all on function private.is_blank(text) from public, anon, authenticated, service_role;

-- supabase/sql/events/is_retention.sql
create or replace function private.is_retention()
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return coalesce(current_setting('polaris.retention', true), '') = 'on';
end
$$;

comment on function private.is_retention() is
  'Whether retention or an erasure is at work in this transaction: prune_expired(), forget_event() or forget_audit().';
revoke all on function private.is_retention() from public, anon, authenticated, service_role;

-- supabase/sql/events/iso_time.sql
create or replace function private.iso_time(p_time timestamptz)
returns text
language plpgsql stable set search_path = '' as $$
begin
  return to_char(p_time at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end
$$;

comment on function private.iso_time(timestamptz) is
  'A time as JSON carries it: ISO 8601, UTC, milliseconds.';
revoke all on function private.iso_time(timestamptz) from public, anon, authenticated, service_role;

-- supabase/sql/events/keep_content.sql
create or replace function private.keep_content()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  if tg_op = 'DELETE'
    and exists (select from public.report_events where id = old.event_id and erased_at is not null)
  then
    return old;
  end if;
  raise exception 'report_contents is append-only: it is deleted once its event says so' using errcode = 'PL001';
end
$$;

comment on function private.keep_content() is
  'Refuses every change of a content, and its deletion before its event has erased_at.';
revoke all on function private.keep_content() from public, anon, authenticated, service_role;

-- supabase/sql/events/keep_event.sql
create or replace function private.keep_event()
returns trigger
language plpgsql volatile set search_path = '' as $$
declare
  -- The row as it would be if only what may change had changed.
  v_allowed public.report_events := old;
begin
  if tg_op = 'UPDATE' then
    -- The generated column is computed after this trigger, from a column that is compared.
    v_allowed.status := new.status;
    if old.effect is null and new.effect is not null then
      v_allowed.effect := new.effect;
      v_allowed.channel := new.channel;
      v_allowed.applied_at := new.applied_at;
      v_allowed.position := new.position;
    elsif private.is_retention() and old.erased_at is null and new.erased_at is not null then
      v_allowed.erased_at := new.erased_at;
      v_allowed.digest := new.digest;
      v_allowed.error := null;
    end if;
    if v_allowed operator(pg_catalog.*=) new and v_allowed operator(pg_catalog.*<>) old then
      return new;
    end if;
  end if;
  raise exception 'report_events is append-only: only its effect is set, once' using errcode = 'PL001';
end
$$;

comment on function private.keep_event() is
  'Refuses every change of an event but the one that records its effect and the one that says its content was erased.';
revoke all on function private.keep_event() from public, anon, authenticated, service_role;

-- supabase/sql/events/lose_content.sql
-- Definer rights: people and servers who write reports may not write contents.
create or replace function private.lose_content()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  c_edits_fold_within constant interval := '10 minutes';
  v_is_folded boolean;
begin
  v_is_folded := new.user_id = old.user_id and exists (
    select from public.report_events earlier, public.report_events later
    where earlier.id = old.winner_event_id and later.id = new.winner_event_id
      and earlier.type = 'report.owner.edited' and later.type = 'report.owner.edited'
      and later.applied_at < earlier.applied_at + c_edits_fold_within);
  if v_is_folded and private.forget_event(old.winner_event_id, p_is_folded => true) then
    return null;
  end if;
  update private.report_contents
  -- One that could not be forgotten now, since a sender holds a delivery of it, is for the next sweep.
  set lost_at = case when v_is_folded then '-infinity' else clock_timestamp() end
  where event_id = old.winner_event_id;
  return null;
end
$$;

comment on function private.lose_content() is
  'A report has another winner: the content of the one before is lost from now on, or forgotten at once where its owner edits an edit within 10 minutes.';
revoke all on function private.lose_content() from public, anon, authenticated, service_role;

-- supabase/sql/events/new_id.sql
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

-- supabase/sql/events/next_position.sql
create or replace function private.next_position(p_report_type text, p_report_id uuid)
returns bigint
language plpgsql volatile set search_path = '' as $$
begin
  return (
    select coalesce(max(position), 0) + 1 from public.report_events
    where report_type = p_report_type and report_id = p_report_id);
end
$$;

comment on function private.next_position(text, uuid) is
  'The place in its report that the next effect takes. The caller holds the report''s lock.';
revoke all on function private.next_position(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/events/outcome_status.sql
create or replace function private.outcome_status(p_outcome text)
returns int
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when p_outcome in ('applied', 'duplicate', 'superseded') then 200
    when p_outcome = 'requested_in_future' then 400
    when p_outcome in ('report_not_found', 'job_not_found') then 404
    when p_outcome in ('event_conflict', 'job_conflict', 'job_mismatch', 'job_cancelled') then 409
    when p_outcome = 'busy' then 503
  end;
end
$$;

comment on function private.outcome_status(text) is
  'The HTTP status that a webhook endpoint answers an outcome with. A test compares it with the table of problem codes.';
revoke all on function private.outcome_status(text) from public, anon, authenticated, service_role;

-- supabase/sql/events/read_body.sql
create or replace function private.read_body(p_body text, p_endpoint_id text)
returns private.incoming_result
language plpgsql stable set search_path = '' as $$
declare
  v_body jsonb := p_body;
  -- The platform's first version sends the members of `data` at the top level, and no type.
  v_is_flat boolean := not v_body ? 'data';
  v_data jsonb := case when v_is_flat then v_body else v_body -> 'data' end;
  v_result private.incoming_result;
begin
  v_result.stage := (select stage from public.webhook_endpoints where id = p_endpoint_id);
  v_result.type := case when v_is_flat
    then format('report.%s.%s', v_result.stage, v_data ->> 'research_status') else v_body ->> 'type' end;
  v_result.report_type := v_data ->> 'report_type';
  v_result.report_id := v_data ->> 'report_id';
  v_result.job_id := v_data ->> 'job_id';
  v_result.requested_at := case when not v_is_flat then coalesce(v_data ->> 'requested_at', v_body ->> 'timestamp') end;
  v_result.research_report := v_data ->> 'research_report';
  v_result.research_metadata := nullif(v_data -> 'research_metadata', 'null');
  v_result.final_data := nullif(v_data -> 'final_data', 'null');
  v_result.error := v_data ->> 'error';
  return v_result;
end
$$;

comment on function private.read_body(text, text) is
  'The result that a verified body of a webhook says. requested_at is null in the platform''s flat form, which has no time.';
revoke all on function private.read_body(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/record_foreign.sql
create or replace function private.record_foreign(
  p_report_type text, p_report_id uuid, p_channel text, p_text text, p_metadata jsonb, p_failed boolean,
  p_stage text, p_winner_id text, p_job_id text, p_event_id text default null)
returns public.report_events
language plpgsql volatile set search_path = '' as $$
declare
  v_job private.job_runs;
  v_winner public.report_events;
  v_known public.report_events;
  v_result private.incoming_result;
  v_event public.report_events;
  -- Not now(): whoever waited for the report's lock is the later one.
  v_requested_at timestamptz(3) := clock_timestamp();
begin
  select * into v_winner from public.report_events where id = p_winner_id;
  v_result.stage := case
    when p_channel = 'platform' and p_metadata ->> 'processing_stage' in ('prelim', 'final')
      then p_metadata ->> 'processing_stage'
    else coalesce(p_stage, 'prelim') end;
  if p_channel = 'platform' and p_job_id is not null then
    select * into v_job from private.job_runs
    where job_id = p_job_id and report_type = p_report_type and report_id = p_report_id
    for no key update;
  end if;
  if v_job.job_id is null then
    v_requested_at := greatest(v_requested_at, v_winner.requested_at + interval '1 millisecond');
  else
    v_requested_at := least(v_requested_at, v_job.created_at);
    select * into v_known from public.report_events where job_id = v_job.job_id;
    if v_known.id is not null and (p_failed or exists (
      select from private.report_contents where event_id = v_known.id and research_report is not distinct from p_text))
    then
      -- The job's result once more: the platform's webhook timed out, then its fallback wrote the same.
      return null;
    end if;
  end if;
  v_result.type := case p_channel when 'owner' then 'report.owner.edited'
    else format('report.%s.%s', v_result.stage, case when p_failed then 'failed' else 'completed' end) end;
  v_result.report_type := p_report_type;
  v_result.report_id := p_report_id;
  -- A job has one completion: another text of a finished job stands without it, at the job's place in the order.
  v_result.job_id := case when v_known.id is null then v_job.job_id end;
  if p_failed then
    v_result.error := coalesce(p_metadata ->> 'error', 'The report could not be generated.');
  else
    v_result.research_report := p_text;
    v_result.research_metadata := p_metadata;
  end if;
  v_event.id := coalesce(p_event_id, private.new_id(case p_channel when 'owner' then 'own_' else 'plt_' end));
  v_event.stage := v_result.stage;
  v_event.requested_at := v_requested_at;
  v_event := private.insert_event(
    v_event.id, v_result, v_requested_at, p_channel,
    case when p_failed then null when private.event_outranks(v_event, v_winner) then 'applied' else 'superseded' end);
  if v_result.job_id is not null then
    update private.job_runs
    set status = case when p_failed then 'failed' else 'succeeded' end, event_id = v_event.id, error = v_event.error,
      percent = case when p_failed then percent else 100 end, eta_seconds = null, completed_at = clock_timestamp(),
      updated_at = clock_timestamp(), lease_token = lease_token + 1, lease_expires_at = null
    where job_id = v_result.job_id and status in ('queued', 'running');
    perform private.show_job(v_result.job_id);
  end if;
  if p_channel = 'platform' then
    perform private.add_audit(
      p_direction => 'in', p_outcome => case when p_failed then 'failed' else v_event.effect end, p_event_id => v_event.id,
      p_job_id => p_job_id, p_report_type => p_report_type, p_report_id => p_report_id, p_actor => 'platform',
      p_payload => jsonb_build_object('endpoint', 'platform', 'type', v_event.type));
  end if;
  return v_event;
end
$$;

comment on function private.record_foreign(text, uuid, text, text, jsonb, boolean, text, text, text, text) is
  'Records what others wrote into a report as an event, decided under the lock of the row that their statement holds. Null: it is the result of a finished job once more.';
revoke all on function private.record_foreign(text, uuid, text, text, jsonb, boolean, text, text, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/register_event.sql
create or replace function private.register_event(
  p_event_id text, p_result private.incoming_result, p_owner uuid, p_channel text, out event public.report_events,
  out problem text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  v_job private.job_runs;
  v_requested_at timestamptz;
begin
  select * into v_job from private.job_runs where job_id = p_result.job_id for no key update;
  if v_job.job_id is null then
    if p_result.requested_at is null then
      -- The platform's flat form has no time to order the event by.
      problem := 'job_not_found';
      return;
    elsif p_result.requested_at > now() + interval '5 minutes' then
      problem := 'requested_in_future';
      return;
    end if;
    v_requested_at := least(p_result.requested_at, clock_timestamp());
  else
    v_requested_at := v_job.created_at;
    if v_job.status = 'cancelled' then
      problem := 'job_cancelled';
    elsif (v_job.report_type, v_job.report_id, v_job.stage)
        is distinct from (p_result.report_type, p_result.report_id, p_result.stage)
      or not private.job_serves(v_job, p_owner)
    then
      problem := 'job_mismatch';
    elsif v_job.event_id is not null then
      problem := 'busy';
    end if;
    if problem is not null then
      return;
    end if;
  end if;
  event := private.insert_event(p_event_id, p_result, v_requested_at, p_channel);
  if event.id is null then
    -- A concurrent request finished this job first. Return busy; the sender's retry will see it.
    problem := 'busy';
  elsif v_job.job_id is not null then
    update private.job_runs
    set status = case event.status when 'completed' then 'succeeded' else 'failed' end,
      event_id = event.id, error = event.error, percent = case event.status when 'completed' then 100 else percent end,
      eta_seconds = null, completed_at = clock_timestamp(), updated_at = clock_timestamp(),
      lease_token = lease_token + 1, lease_expires_at = null
    where job_id = v_job.job_id;
    perform private.show_job(v_job.job_id);
  end if;
end
$$;

comment on function private.register_event(text, private.incoming_result, uuid, text) is
  'Records an event that was not known, with its effect where p_channel says who applies it now, and finishes its job. The caller holds the lock of the report, whose owner is p_owner.';
revoke all on function private.register_event(text, private.incoming_result, uuid, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/show_effect.sql
create or replace function private.show_effect(p_event public.report_events, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_content private.report_contents;
begin
  if p_event.effect = 'applied' and p_event.status = 'completed' then
    select * into v_content from private.report_contents where event_id = p_event.id;
    execute format(
      'update public.%I set research_report = $1, research_metadata = $2, stage = $3, winner_event_id = $4,
         research_status = $5, updated_at = now() where id = $6', private.report_table(p_event.report_type))
    using v_content.research_report,
      private.shown_metadata(v_content),
      p_event.stage, p_event.id,
      private.report_status(p_event.report_type, p_event.report_id), p_event.report_id;
    if p_event.stage = 'final' and p_event.channel in ('webhook', 'direct') then
      insert into public.report_notifications (user_id, report_type, report_id, event_id)
      values (p_owner, p_event.report_type, p_event.report_id, p_event.id);
    end if;
  else
    perform private.show_report_status(p_event.report_type, p_event.report_id);
  end if;
end
$$;

comment on function private.show_effect(public.report_events, uuid) is
  'Brings the report''s row up to date with an effect that was just recorded, and notifies its owner of a final.';
revoke all on function private.show_effect(public.report_events, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/events/shown_metadata.sql
create or replace function private.shown_metadata(p_content private.report_contents)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  -- Others may write metadata that is no object: it stays what it is.
  return case
    when p_content.final_data is null then coalesce(p_content.research_metadata, '{}')
    else coalesce(p_content.research_metadata, '{}') || p_content.final_data end;
end
$$;

comment on function private.shown_metadata(private.report_contents) is
  'The metadata that a report shows of its winner: its research_metadata with final_data over it.';
revoke all on function private.shown_metadata(private.report_contents) from public, anon, authenticated, service_role;

-- supabase/sql/events/take_effect.sql
create or replace function private.take_effect(p_event public.report_events, p_channel text, p_owner uuid)
returns text
language plpgsql volatile set search_path = '' as $$
begin
  update public.report_events
  set effect = private.decide_effect(p_event), channel = p_channel, applied_at = clock_timestamp(),
    position = private.next_position(p_event.report_type, p_event.report_id)
  where id = p_event.id
  returning * into p_event;
  if p_event.effect = 'superseded' or p_event.status = 'failed' then
    update private.report_contents set lost_at = p_event.applied_at where event_id = p_event.id;
  end if;
  perform private.show_effect(p_event, p_owner);
  return p_event.effect;
end
$$;

comment on function private.take_effect(public.report_events, text, uuid) is
  'Applies an event that was recorded without an effect. The caller holds the lock of the report, whose owner is p_owner. Returns the effect.';
revoke all on function private.take_effect(public.report_events, text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/events/report_contents.sql
comment on table private.report_contents is
  'An event''s text, metadata and final data: the one place besides the report row where a result''s content is stored.';
comment on column private.report_contents.lost_at is
  'Since when no report shows it: its event was superseded, had failed, or won until another did. Retention counts from here.';
alter table private.report_contents enable row level security;
revoke all on table private.report_contents from anon, authenticated, service_role;
-- Without lost_at, which is no content.
create or replace trigger keep_content
  before update of event_id, research_report, research_metadata, final_data or delete on private.report_contents
  for each row execute function private.keep_content();

-- supabase/sql/events/report_events.sql
comment on table public.report_events is
  'The immutable fact that a job finished or that an owner edited a text. The content stands in private.report_contents.';
comment on column public.report_events.requested_at is 'The order among events of a report: (stage, requested_at, id).';
comment on column public.report_events.digest is 'SHA-256 of type, subject and content, without times; random once the content is erased.';
comment on column public.report_events.channel is 'Who applied it first.';
comment on column public.report_events.effect is 'What applying it did. Null: it is known and not applied yet.';
comment on column public.report_events.position is '1, 2, … in its report, in the order of effects.';
comment on column public.report_events.erased_at is 'When forget_event() erased its content. Id, order and audit stay.';
alter table public.report_events enable row level security;
revoke all on table public.report_events from anon, authenticated, service_role;
grant select on table public.report_events to authenticated;
drop policy if exists "operators read" on public.report_events;
create policy "operators read" on public.report_events for select to authenticated
  using ((select private.is_operator()));
create or replace trigger keep_event before update or delete on public.report_events
  for each row execute function private.keep_event();

-- supabase/sql/events/report_notifications.sql
comment on table public.report_notifications is
  'A completed final, told to the report''s owner: written with its effect.';
alter table public.report_notifications enable row level security;
revoke all on table public.report_notifications from anon, authenticated, service_role;
revoke all on sequence public.report_notifications_id_seq from anon, authenticated, service_role;
grant select on table public.report_notifications to authenticated;
grant update (read_at) on table public.report_notifications to authenticated;
drop policy if exists "owners read" on public.report_notifications;
create policy "owners read" on public.report_notifications for select to authenticated
  using (user_id = (select auth.uid()));
drop policy if exists "owners mark as read" on public.report_notifications;
create policy "owners mark as read" on public.report_notifications for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

-- Why: A verified sender with a bug, or a user in a loop, was limited by nothing but the capacity of the database.

create table private.rate_limits (
  kind text primary key constraint rate_kind_is_known check (kind in ('sender', 'report', 'job', 'write')),
  tokens_per_minute int constraint rate_is_bounded check (tokens_per_minute between 1 and 1000000),
  burst int not null constraint burst_is_bounded check (burst between 1 and 1000000),
  parts smallint not null constraint parts_are_bounded check (parts between 1 and 64),
  window_seconds int generated always as (ceil(60.0 * burst / tokens_per_minute)) stored,
  step interval generated always as (interval '1 minute' * parts / tokens_per_minute) stored,
  ahead interval generated always as (interval '1 minute' * parts / tokens_per_minute * (burst / parts - 1)) stored,
  beyond interval generated always as (
    interval '1 minute' * parts / tokens_per_minute * (burst / parts) + interval '1 minute') stored,
  constraint burst_divides_into_parts check (burst % parts = 0)
);
insert into private.rate_limits (kind, tokens_per_minute, burst, parts)
values ('sender', 1200, 1200, 8), ('report', 6, 30, 1), ('job', 1, 30, 1), ('write', 60, 120, 1);

-- Unlogged: a bucket is of no use after a crash, and a token then costs no log.
create unlogged table private.rate_buckets (
  kind text not null,
  key text not null,
  part smallint not null,
  full_at timestamptz not null,
  hour timestamptz not null generated always as (date_bin('1 hour', full_at, timestamptz '2000-01-01 00:00:00+00')) stored,
  primary key (kind, key, part)
  -- Room in each page for the next version of a row: the busiest rows change several times a second.
) with (fillfactor = 50);
create index rate_buckets_hour on private.rate_buckets (hour);

-- At most as many rows as minutes in the retention of the audit: 130,000.
alter table public.webhook_refusals add column part smallint not null default 0;
alter table public.webhook_refusals drop constraint webhook_refusals_pkey;
alter table public.webhook_refusals add primary key (minute, part);

-- A second function of this name, with more parameters, would leave the REST layer no choice between the two.
drop function public.apply_report_event(text, text, text, text, text, int, numeric);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/limits/ask_limit.sql
-- The one way to ask the limiter: a limiter that fails must not stop the work that it watches over.
create or replace function private.ask_limit(
  p_kind text, p_key text, p_take boolean, out refusal jsonb, out failure text)
returns record
language plpgsql volatile set search_path = '' as $$
begin
  -- Without a key there is nobody to limit.
  if p_key is not null then
    refusal := case when p_take then private.take_token(p_kind, p_key) else private.rate_refusal(p_kind, p_key) end;
  end if;
exception when others then
  failure := 'the rate limit was not asked: ' || "left"(sqlerrm, 200);
end
$$;

comment on function private.ask_limit(text, text, boolean) is
  'Asks a bucket for a token, and with p_take takes it. refusal: it has none. failure: the limiter failed; the caller goes on without it, and says so.';
revoke all on function private.ask_limit(text, text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/limits/await_token.sql
-- Where others hold all parts that have a token, the caller waits for one, as long as taking a token and committing may take;
-- who has waited longer is let through by ask_limit().
create or replace function private.await_token(p_limit private.rate_limits, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as $$
declare
  v_now timestamptz;
  v_refusal jsonb;
begin
  -- Another turn means that another caller has taken a token or added a part meanwhile.
  loop
    v_now := clock_timestamp();
    -- A part without a row is full.
    insert into private.rate_buckets (kind, key, part, full_at)
    select p_limit.kind, p_key, part, v_now + p_limit.step from generate_series(0, p_limit.parts - 1) part
    where not exists (
      select from private.rate_buckets known
      where known.kind = p_limit.kind and known.key = p_key and known.part = part.part)
    order by random() limit 1
    on conflict (kind, key, part) do nothing;
    if found then
      return null;
    end if;
    v_refusal := private.rate_refusal(p_limit.kind, p_key);
    if v_refusal is not null then
      return v_refusal;
    end if;
    update private.rate_buckets
    set full_at = case when full_at between v_now and v_now + p_limit.beyond then full_at else v_now end + p_limit.step
    where kind = p_limit.kind and key = p_key and part = (
      select part from private.rate_buckets
      where kind = p_limit.kind and key = p_key and part < p_limit.parts
        and (full_at <= v_now + p_limit.ahead or full_at > v_now + p_limit.beyond)
      order by random() limit 1 for update);
    if found then
      return null;
    end if;
  end loop;
end
$$;

comment on function private.await_token(private.rate_limits, text) is
  'take_token() where no part with a token was there and free: adds a part, refuses, or waits.';
revoke all on function private.await_token(private.rate_limits, text) from public, anon, authenticated, service_role;

-- supabase/sql/limits/rate_refusal.sql
create or replace function private.rate_refusal(p_kind text, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_limit private.rate_limits;
  v_now timestamptz := clock_timestamp();
  v_empty int;
  v_free_at timestamptz;
begin
  select * into strict v_limit from private.rate_limits where kind = p_kind;
  select count(*), min(full_at) - v_limit.ahead into v_empty, v_free_at from private.rate_buckets
  where kind = p_kind and key = p_key and part < v_limit.parts
    and full_at > v_now + v_limit.ahead and full_at <= v_now + v_limit.beyond;
  if v_limit.tokens_per_minute is null or v_empty < v_limit.parts then
    return null;
  end if;
  return jsonb_build_object(
    'outcome', 'rate_limited', 'policy', p_kind, 'quota', v_limit.burst, 'window_seconds', v_limit.window_seconds,
    'retry_after_seconds', ceil(extract(epoch from v_free_at - v_now))::int);
end
$$;

comment on function private.rate_refusal(text, text) is
  'Null while a part of the bucket has a token; else {outcome, policy, quota, window_seconds, retry_after_seconds}. It locks and takes nothing.';
revoke all on function private.rate_refusal(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/limits/take_sender_token.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.take_sender_token(p_sender text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_asked record := private.ask_limit('sender', p_sender, true);
begin
  return jsonb_build_object('refusal', v_asked.refusal, 'failure', v_asked.failure);
end
$$;

comment on function public.take_sender_token(text) is
  'Takes a token of a sender for a verified request that changes nothing, before it is audited. Returns {refusal, failure} of ask_limit().';
revoke all on function public.take_sender_token(text) from public, anon, authenticated, service_role;
grant execute on function public.take_sender_token(text) to service_role;

-- supabase/sql/limits/take_token.sql
create or replace function private.take_token(p_kind text, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_limit private.rate_limits;
  v_now timestamptz := clock_timestamp();
begin
  select * into strict v_limit from private.rate_limits where kind = p_kind;
  if v_limit.tokens_per_minute is null then
    return null;
  end if;
  -- Callers that are at work at once take tokens of different parts.
  update private.rate_buckets
  set full_at = case when full_at between v_now and v_now + v_limit.beyond then full_at else v_now end + v_limit.step
  where kind = p_kind and key = p_key and part = (
    select part from private.rate_buckets
    where kind = p_kind and key = p_key and part < v_limit.parts
      and (full_at <= v_now + v_limit.ahead or full_at > v_now + v_limit.beyond)
    order by random() limit 1 for update skip locked);
  if found then
    return null;
  end if;
  return private.await_token(v_limit, p_key);
end
$$;

comment on function private.take_token(text, text) is
  'Takes a token of the bucket, until the transaction should roll back. Null: it is taken; else what rate_refusal() says. The last lock of its transaction.';
revoke all on function private.take_token(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/reports/count_owner_write.sql
create or replace function private.count_owner_write()
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_owner uuid := auth.uid();
  v_asked record;
begin
  -- Nobody waits for the bucket: statements of one owner come one by one, by the lock of lock_owner() and guard_insert().
  v_asked := private.ask_limit('write', v_owner::text, true);
  if v_asked.failure is not null then
    raise warning '%', v_asked.failure;
  elsif v_asked.refusal is not null then
    raise exception 'too many changes of reports: % within % seconds', v_asked.refusal ->> 'quota',
      v_asked.refusal ->> 'window_seconds'
      using errcode = 'PT429',
        hint = format('Wait %s seconds, then write again.', v_asked.refusal ->> 'retry_after_seconds');
  end if;
end
$$;

comment on function private.count_owner_write() is
  'Takes a token of the signed-in owner for a report that this statement inserts or changes, and refuses the statement (PT429, which the REST API answers with 429) where there is none.';
revoke all on function private.count_owner_write() from public, anon, authenticated, service_role;

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
  if v_is_owner then
    -- As lock_owner() for updates. It comes before the first row is inserted: an upsert of the same owner may wait for that row.
    perform pg_advisory_xact_lock(hashtextextended('owner ' || (select auth.uid()), 0));
  end if;
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
  if tg_argv[1] = 'owner' then
    -- Here and not before the insert, which may become an update: that takes its token in record_write().
    perform private.count_owner_write();
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

-- supabase/sql/events/apply_report_event.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_report_event(
  p_event_id text, p_channel text default 'webhook', p_body text default null, p_endpoint_id text default null,
  p_body_sha256 text default null, p_body_bytes int default null, p_elapsed_ms numeric default 0,
  p_sender text default null, p_cap_per_minute int default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_started timestamptz := clock_timestamp();
  v_result private.incoming_result;
  v_event public.report_events;
  v_owner uuid;
  v_registered record;
  v_outcome text;
  v_is_forgotten boolean;
  v_answer jsonb;
  v_is_limited boolean := false;
  v_report text;
  v_asked record;
  v_refusal jsonb;
  v_unasked text;
begin
  if p_channel = 'webhook' and p_sender is not null then
    -- Our own sender holds a lease, and must arrive however noisy another sender is: its failures would open the circuit.
    v_is_limited := not exists (
      select from public.webhook_deliveries
      where event_id = p_event_id and endpoint_id = p_endpoint_id and lease_expires_at > clock_timestamp());
  end if;
  if v_is_limited then
    v_asked := private.ask_limit('sender', p_sender, false);
    v_refusal := v_asked.refusal;
    v_unasked := v_asked.failure;
  end if;
  if p_body is not null and v_refusal is null then
    v_result := private.read_body(p_body, p_endpoint_id);
    v_report := v_result.report_type || ':' || v_result.report_id;
    if v_is_limited then
      v_asked := private.ask_limit('report', v_report, false);
      v_refusal := v_asked.refusal;
      v_unasked := coalesce(v_unasked, v_asked.failure);
    end if;
  end if;
  if v_refusal is not null then
    perform public.record_webhook_request(
      jsonb_build_object(
        'id', gen_random_uuid(), 'endpoint', p_endpoint_id, 'endpoint_id', p_endpoint_id, 'method', 'POST', 'status', 429,
        'outcome', 'rate_limited', 'event_id', p_event_id, 'body_sha256', p_body_sha256, 'body_bytes', p_body_bytes,
        'detail', format('over the rate of its %s', v_refusal ->> 'policy'),
        'elapsed_ms', p_elapsed_ms + extract(epoch from clock_timestamp() - v_started) * 1000),
      false, p_cap_per_minute);
    return v_refusal;
  end if;
  if p_body is not null then
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
  if v_is_limited then
    -- The last locks of the transaction, and held for as long as the audit row and the commit take.
    -- A report that is not there has no bucket, or a sender could make as many as it likes.
    v_asked := private.ask_limit('report', case when v_owner is not null then v_report end, true);
    v_refusal := v_asked.refusal;
    v_unasked := coalesce(v_unasked, v_asked.failure);
    if v_refusal is null then
      v_asked := private.ask_limit('sender', p_sender, true);
      v_refusal := v_asked.refusal;
      v_unasked := coalesce(v_unasked, v_asked.failure);
    end if;
    if v_refusal is not null then
      -- Others took the last tokens meanwhile. The endpoint answers this like the refusal above.
      raise exception 'over the rate of its %', v_refusal ->> 'policy'
        using errcode = 'PT429', detail = v_refusal::text;
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
      p_response_status => private.outcome_status(v_outcome), p_response_body => v_answer, p_error => v_unasked,
      p_body_sha256 => case when not v_is_forgotten then p_body_sha256 end, p_body_bytes => p_body_bytes,
      p_duration_ms => p_elapsed_ms + extract(epoch from clock_timestamp() - v_started) * 1000);
  end if;
  return v_answer;
end
$$;

comment on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int) is
  'The one write path of results. With a body, what a verified webhook says; without one, an event that is recorded already. Returns {outcome, report_id, job_id, report_type, stage, status, timestamp}. p_sender: whose key signed the webhook; null is not limited. Over a rate: {outcome: rate_limited, …} of rate_refusal(), or PT429 with the same as its detail. p_cap_per_minute: that of record_webhook_request().';
revoke all on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int) from public, anon, authenticated, service_role;
grant execute on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int) to service_role;

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
    when p_outcome = 'rate_limited' then 429
    when p_outcome = 'busy' then 503
  end;
end
$$;

comment on function private.outcome_status(text) is
  'The HTTP status that a webhook endpoint answers an outcome with. A test compares it with the table of problem codes.';
revoke all on function private.outcome_status(text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/request_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.request_report_job(
  p_job_id text, p_caller text, p_prompt text, p_generate boolean, p_lease_seconds int, p_quota int,
  p_report_type text default null, p_report_id uuid default null, p_stage text default null,
  p_once_per_report boolean default false, p_idempotency_key text default null, p_model text default null,
  p_temperature numeric default null, p_max_tokens int default null, p_summary_id uuid default null,
  p_metadata text default null, p_models text[] default null, p_user_budget int default null,
  p_project_budget int default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_metadata jsonb := coalesce(nullif(p_metadata::jsonb, 'null'), '{}');
  -- Of the request as it was made: a deployment that offers other models later still recognises it.
  v_digest text := encode(sha256(convert_to(jsonb_build_array(
    p_report_type, p_report_id, p_stage, p_prompt, p_generate, p_model, p_temperature, p_max_tokens, p_summary_id,
    v_metadata)::text, 'UTF8')), 'hex');
  v_owner uuid;
  v_stage text;
  v_refusal jsonb;
  v_asked record;
  v_job private.job_runs;
  v_is_new boolean := true;
begin
  perform private.await_same_call(p_job_id);
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.job_id is null then
    select * into v_job from private.job_runs where caller = p_caller and caller_key = p_idempotency_key;
    v_is_new := v_job.job_id is null;
  end if;
  if v_job.job_id is null then
    if p_report_type is not null then
      v_owner := private.lock_report(p_report_type, p_report_id, p_summary_id);
      if v_owner is null or (p_caller <> 'pipeline' and v_owner::text <> p_caller) then
        return '{"outcome": "report_not_found"}';
      end if;
      if p_once_per_report then
        -- Under the lock of the report: of simultaneous requests one begins the job, and the others find it here.
        select * into v_job from private.job_runs
        where report_id = p_report_id and report_type = p_report_type and stage = p_stage and caller = p_caller
          and status in ('queued', 'running')
        order by created_at desc, job_id desc limit 1;
        if v_job.job_id is not null then
          return jsonb_build_object('outcome', 'existing', 'job', private.job_view(v_job));
        end if;
      end if;
      execute format('select stage from public.%I where id = $1', private.report_table(p_report_type))
      into v_stage using p_report_id;
      if p_stage = 'prelim' and v_stage = 'final' then
        return '{"outcome": "final_exists"}';
      end if;
    elsif p_caller <> 'pipeline' then
      select id into v_owner from auth.users where id = p_caller::uuid for key share;
    end if;
    if p_caller <> 'pipeline' then
      -- A token outlives the account that it was made for by up to an hour.
      if not private.has_account(p_caller::uuid) then
        return '{"outcome": "unauthorized"}';
      end if;
      -- One at a time for each user: otherwise simultaneous requests would all count the same jobs. Across users there is no
      -- such lock, since one stuck request would stop all others: simultaneous requests may exceed the project's budget by
      -- their own number.
      perform pg_advisory_xact_lock(hashtextextended('quota ' || p_caller, 0));
    end if;
    if not exists (select from private.job_runs where caller = p_caller and caller_key = p_idempotency_key) then
      if p_caller <> 'pipeline'
        and private.taken_quota(p_caller) >= p_quota
      then
        return '{"outcome": "quota_exceeded"}';
      end if;
      v_refusal := private.spent_budget(p_caller, p_user_budget, p_project_budget);
      if v_refusal is not null then
        return v_refusal;
      end if;
      if p_caller <> 'pipeline' then
        -- The lock above makes the user's requests come one by one, so that nobody waits for the bucket.
        v_asked := private.ask_limit('job', p_caller, true);
        if v_asked.refusal is not null then
          return v_asked.refusal;
        elsif v_asked.failure is not null then
          raise warning '%', v_asked.failure;
        end if;
      end if;
    end if;
    insert into private.job_runs (
      job_id, report_type, report_id, stage, user_id, summary_id, caller, caller_key, request_digest, prompt, model,
      temperature, max_tokens, metadata, generate, lease_token, lease_expires_at)
    values (
      p_job_id, p_report_type, p_report_id, p_stage, v_owner,
      (select id from public.polaris_summaries where id = p_summary_id and user_id = v_owner),
      p_caller, p_idempotency_key, v_digest, p_prompt,
      case when p_generate then private.choose_model(p_model, p_models) else p_model end,
      p_temperature, p_max_tokens, v_metadata, p_generate, 1,
      case when p_generate then now() + make_interval(secs => p_lease_seconds) end)
    on conflict do nothing
    returning * into v_job;
    if v_job.job_id is not null then
      -- Without the caller's prompt, metadata and key, which are not the owner's to read, and without an end, or the
      -- platform's clean-up would delete it while it runs.
      insert into public.report_jobs (
        job_id, user_id, summary_id, status, model, temperature, max_tokens, percent, metadata, created_at, updated_at,
        expires_at)
      values (
        v_job.job_id, v_owner, v_job.summary_id, v_job.status, v_job.model, p_temperature, p_max_tokens, 0,
        case when p_report_type is null then '{}'
          else jsonb_build_object('report_type', p_report_type, 'report_id', p_report_id, 'stage', p_stage) end,
        v_job.created_at, v_job.updated_at, null);
      perform private.show_report_status(p_report_type, p_report_id) where p_report_type is not null;
    else
      v_is_new := false;
      select * into v_job from private.job_runs where caller = p_caller and caller_key = p_idempotency_key;
    end if;
  end if;
  if v_job.request_digest <> v_digest then
    return '{"outcome": "idempotency_conflict"}';
  end if;
  return jsonb_build_object('outcome', case when v_is_new then 'created' else 'existing' end, 'job', private.job_view(v_job))
    || case when v_is_new and v_job.generate and v_job.lease_token = 1 and v_job.status = 'queued'
      then jsonb_build_object('run', private.run_context(v_job)) else '{}' end;
end
$$;

comment on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int) is
  'Creates a job under its creator''s lease, or answers the one that this caller''s key has made. A repeated call is recognised by p_job_id, which the calling function mints. p_once_per_report: while the report has an unfinished job of this caller for this stage, that job is answered. Without a report, type and stage it is a job of its own. p_models: those that the deployment offers, the default first. Returns {outcome, job, run}.';
revoke all on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int) from public, anon, authenticated, service_role;
grant execute on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int) to service_role;

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
    p_body_sha256, p_body_bytes,
    -- A clock that is set meanwhile makes any duration, and what does not fit the column would roll back the effect.
    case when p_duration_ms is not null then least(greatest(p_duration_ms, 0), 999999999.999) end)
  on conflict (id) do nothing;
end
$$;

comment on function private.add_audit(text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid) is
  'The one writer of our audit rows. p_payload is never a report''s text.';
revoke all on function private.add_audit(text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/prune_expired.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.prune_expired(
  p_audit_days int, p_payload_days int, p_job_days int, p_limit int, p_after jsonb default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
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
  v_buckets int;
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
  delete from public.webhook_refusals where (minute, part) in (
    select minute, part from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute, part limit p_limit);
  get diagnostics v_refusals = row_count;
  -- Full since an hour at least: a part without a row is full too.
  delete from private.rate_buckets where (kind, key, part) in (
    select kind, key, part from private.rate_buckets
    where hour < date_bin('1 hour', now(), 'epoch') - interval '1 hour'
    order by hour limit p_limit for update skip locked);
  get diagnostics v_buckets = row_count;
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
    'after', case when v_refusals = p_limit or v_buckets = p_limit or num_nonnulls(v_audit.last, v_payloads.last, v_finished.last) > 0 then
      jsonb_build_object('audit', v_audit.last, 'payloads', v_payloads.last, 'jobs', v_finished.last) end);
end
$$;

comment on function public.prune_expired(int, int, int, int, jsonb) is
  'Removes what is older than so many days and not needed any more. It looks at up to p_limit rows of each kind, oldest first, from p_after on. Returns {audit, refusals, payloads, jobs, after}: what it removed, and the p_after of the next call, null when nothing is left to look at. A kind without a place in p_after is done.';
revoke all on function public.prune_expired(int, int, int, int, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.prune_expired(int, int, int, int, jsonb) to service_role;

-- supabase/sql/observe/record_webhook_request.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_webhook_request(p_request jsonb, p_verified boolean, p_cap_per_minute int)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_requests bigint := 0;
  v_is_forgotten boolean;
begin
  if exists (select from public.webhook_audit where id = (p_request ->> 'id')::uuid) then
    -- Repeated call: this request is audited.
    return true;
  end if;
  if not p_verified then
    -- Eight rows a minute, so that callers do not queue at one.
    insert into public.webhook_refusals as refusals (minute, part, requests)
    values (date_trunc('minute', now()), floor(random() * 8), 1)
    on conflict (minute, part) do update set requests = refusals.requests + 1;
    select sum(requests) into v_requests from public.webhook_refusals where minute = date_trunc('minute', now());
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
  'Audits a request that applied nothing, without its body. p_request.id, minted by the endpoint, recognises a repeated call. p_verified: it is not counted, and has no cap. False: over the cap of this minute, so that it was only counted; requests at the same moment may exceed the cap by their own number.';
revoke all on function public.record_webhook_request(jsonb, boolean, int) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_request(jsonb, boolean, int) to service_role;

-- supabase/sql/console/webhook_statistics.sql
create or replace function public.webhook_statistics(p_window text default 'hour')
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_succeeded constant text[] := '{delivered,applied,duplicate,superseded}';
  v_bucket interval;
  v_span interval;
  v_slot_minutes int;
  v_from timestamptz;
  v_rolled timestamptz;
  -- Audit rows are read from here on; what came before is in slots. An hour is read whole: it has no slots.
  v_split timestamptz;
  v_traffic jsonb;
  v_open jsonb;
begin
  perform private.require_operator();
  case p_window
    when 'hour' then v_bucket := '1 minute'; v_span := '1 hour';
    when 'day' then v_bucket := '15 minutes'; v_span := '1 day'; v_slot_minutes := 15;
    when 'week' then v_bucket := '2 hours'; v_span := '7 days'; v_slot_minutes := 120;
    else raise exception 'p_window is hour, day or week' using errcode = 'invalid_parameter_value';
  end case;
  v_from := date_bin(v_bucket, now(), 'epoch') - v_span + v_bucket;
  select rolled_up_until into strict v_rolled from public.webhook_roll_up where only_row;
  v_split := case p_window when 'hour' then v_from else greatest(v_from, v_rolled) end;

  with fresh as materialized (
    select date_bin(v_bucket, created_at, 'epoch') as at, direction, report_type, outcome, bucket, count(*) as requests
    from private.webhook_measures where created_at >= v_split
    group by 1, 2, 3, 4, 5
  ), counts as materialized (
    select at, direction, report_type, outcome, sum(requests)::bigint as requests
    from (
      select at, direction, report_type, outcome, requests from fresh
      union all
      select slot, direction, report_type, outcome, requests
      from public.webhook_counts where slot_minutes = v_slot_minutes and slot >= v_from) parts
    group by 1, 2, 3, 4
  ), latencies as (
    -- Of each bucket of the series, and (at null) of the whole window.
    select at, direction, bucket, sum(requests::int)::int as requests
    from (
      select at, direction, bucket, requests from fresh where bucket is not null
      union all
      select slot, direction, bucket, requests
      from public.webhook_latencies where slot_minutes = v_slot_minutes and slot >= v_from) parts
    group by grouping sets ((at, direction, bucket), (direction, bucket))
  ), ranked as (
    select at, direction, bucket,
      sum(requests) over (partition by at, direction order by bucket) as up_to,
      sum(requests) over (partition by at, direction) as total
    from latencies
  ), percentiles as (
    select at, direction,
      min(bucket) filter (where up_to >= 0.50 * total) as p50,
      min(bucket) filter (where up_to >= 0.95 * total) as p95,
      min(bucket) filter (where up_to >= 0.99 * total) as p99
    from ranked group by at, direction
  ), totals as (
    select at, direction,
      -- What a sender is refused over its rate is no failure of ours.
      sum(requests) filter (where outcome not in ('skipped', 'rate_limited'))::bigint as total,
      coalesce(sum(requests) filter (where outcome = any (c_succeeded)), 0)::bigint as succeeded,
      coalesce(sum(requests) filter (where outcome = 'skipped'), 0)::bigint as skipped
    from counts group by grouping sets ((at, direction), (direction))
  ), traffic as (
    select totals.at, totals.direction,
      private.traffic(total, succeeded, p50, p95, p99)
        || case totals.direction when 'out' then jsonb_build_object('skipped', skipped) else '{}' end as figures
    from totals
    left join percentiles on percentiles.direction = totals.direction
      and coalesce(percentiles.at, '-infinity') = coalesce(totals.at, '-infinity')
  ), nothing as (
    select private.traffic(0, 0, null, null, null) as received,
      private.traffic(0, 0, null, null, null) || '{"skipped": 0}' as sent
  )
  select jsonb_build_object(
    'sent', coalesce((select figures from traffic where at is null and direction = 'out'), sent),
    'received', coalesce((select figures from traffic where at is null and direction = 'in'), received),
    'series', (
      select jsonb_agg(jsonb_build_object(
        'at', bucket.at, 'sent', coalesce(outgoing.figures, sent), 'received', coalesce(incoming.figures, received))
        order by bucket.at)
      from generate_series(v_from, now(), v_bucket) bucket (at)
      left join traffic outgoing on outgoing.at = bucket.at and outgoing.direction = 'out'
      left join traffic incoming on incoming.at = bucket.at and incoming.direction = 'in'),
    'by_outcome', (
      select coalesce(jsonb_agg(to_jsonb(summed) order by direction desc, count desc, outcome), '[]')
      from (select direction, outcome, sum(requests)::bigint as count from counts group by 1, 2) summed),
    'attempts', (
      select coalesce(jsonb_object_agg(report_type, private.traffic(total, succeeded, null, null, null)), '{}')
      from (
        select report_type, sum(requests)::bigint as total,
          coalesce(sum(requests) filter (where outcome = 'delivered'), 0)::bigint as succeeded
        from counts where direction = 'out' and outcome <> 'skipped' and report_type is not null
        group by 1) attempted))
  into v_traffic from nothing;

  select jsonb_object_agg(report_type, to_jsonb(open) - 'report_type') into v_open
  from (
    select report_type,
      count(*) filter (where dead_at is null) as waiting,
      -- Nobody can do anything about those that are closed.
      count(*) filter (where dead_at is not null and not private.is_closed(dead_reason)) as dead,
      count(*) filter (where status = 'pending') as pending,
      count(*) filter (where status = 'sent') as sent,
      count(*) filter (where status = 'retrying') as retrying,
      count(*) filter (where status = 'failed' and dead_at is null) as failed,
      count(*) filter (where dead_at is null and next_attempt <= now()
        and (lease_expires_at is null or lease_expires_at < now())) as due,
      min(created_at) filter (where dead_at is null) as oldest
    from public.webhook_deliveries where status not in ('success', 'superseded', 'cancelled')
    group by report_type) open;

  return (
    select jsonb_build_object(
      'window', p_window, 'as_of', now(), 'from', v_from, 'bucket_seconds', extract(epoch from v_bucket)::int,
      'rolled_up_until', nullif(v_rolled, '-infinity'),
      'by_status', jsonb_build_object(
        'pending', coalesce(sum(pending), 0), 'sent', coalesce(sum(open.sent), 0),
        'retrying', coalesce(sum(retrying), 0), 'failed', coalesce(sum(open.failed), 0),
        'dead', coalesce(sum(dead), 0), 'success', v_traffic -> 'sent' -> 'succeeded'),
      'queue', jsonb_build_object(
        'depth', coalesce(sum(waiting), 0), 'due', coalesce(sum(due), 0), 'oldest_waiting', min(oldest)),
      'by_report_type', jsonb_agg(jsonb_build_object(
        'report_type', type.report_type, 'waiting', coalesce(waiting, 0), 'dead', coalesce(dead, 0))
        || (coalesce(v_traffic -> 'attempts' -> type.report_type, private.traffic(0, 0, null, null, null))
          - '{p50_ms,p95_ms,p99_ms}'::text[]) order by type.report_type),
      'circuits', (
        select jsonb_agg(jsonb_build_object(
          'endpoint_id', endpoint_id, 'opened_at', opened_at, 'probe_after', probe_after,
          'state', case when opened_at is null then 'closed' when probe_after > now() then 'open' else 'half_open' end)
          order by endpoint_id desc)
        from public.webhook_circuits))
      || (v_traffic - 'attempts')
    from public.report_types type
    left join lateral jsonb_to_record(v_open -> type.report_type) as open (
      waiting bigint, dead bigint, pending bigint, sent bigint, retrying bigint, failed bigint, due bigint,
      oldest timestamptz) on true);
end
$$;

comment on function public.webhook_statistics(text) is
  'How webhooks fared in the last hour, day or week, in buckets of a minute, a quarter of an hour or two hours, and what waits now. Percentiles are those of buckets 5 % wide, given by their middle: at most 2.5 % off.';
revoke all on function public.webhook_statistics(text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_statistics(text) to authenticated;

-- supabase/sql/observe/webhook_measures.sql
create or replace view private.webhook_measures with (security_invoker = true) as
  select audit.created_at, audit.direction, audit.endpoint_id, type.report_type, audit.outcome,
    -- Buckets 5 % wide: bucket n holds durations over 1.05^(n - 1) and up to 1.05^n milliseconds.
    -- What is refused over its rate is refused at once, and says nothing of how long a webhook takes.
    case when audit.duration_ms is not null and audit.outcome <> 'rate_limited' then
      ceil(ln(greatest(audit.duration_ms, 0.01)::double precision) / ln(1.05::double precision))::int end as bucket
  from public.webhook_audit audit
  left join public.report_types type on type.table_name = audit.report_table
  where audit.outcome is not null and audit.endpoint_id is not null
    and (audit.direction = 'out' or audit.actor is null);

comment on view private.webhook_measures is
  'What counts: attempts, and requests of senders to the webhook endpoints. Not what operators and the cron asked for.';
revoke all on table private.webhook_measures from public, anon, authenticated, service_role;
grant select on table private.webhook_measures to authenticated;

-- supabase/sql/limits/rate_buckets.sql
comment on table private.rate_buckets is
  'How far the buckets are used up, a row for each part of a bucket that was used lately. A part without a row is full. Unlogged: after a crash, all are full.';
comment on column private.rate_buckets.key is
  'Of a sender the fingerprint of its key, of a report its type and id, of jobs and writes the id of the user.';
comment on column private.rate_buckets.full_at is
  'When the part is full again if nobody takes a token until then (the theoretical arrival time of GCRA).';
comment on column private.rate_buckets.hour is
  'full_at, rounded down. Retention goes by an index on it: an index on full_at would change with every token.';
alter table private.rate_buckets enable row level security;
revoke all on table private.rate_buckets from public, anon, authenticated, service_role;

-- supabase/sql/limits/rate_limits.sql
comment on table private.rate_limits is
  'The rates, one row of each kind. An operator changes them with an update: they hold from the next request on. A kind without a row is an error, which ask_limit() reports.';
comment on column private.rate_limits.kind is
  'sender: requests signed with one key. report: events for one report. job: new jobs of one user. write: rows of reports that one owner inserts or changes.';
comment on column private.rate_limits.tokens_per_minute is 'How many tokens a bucket gets back in a minute. Null: no limit.';
comment on column private.rate_limits.burst is 'How many tokens a full bucket has.';
comment on column private.rate_limits.parts is
  'Into how many rows a bucket is divided, each with its share of rate and burst, so that callers do not queue at one row.';
comment on column private.rate_limits.window_seconds is 'How long an empty bucket takes to be full.';
comment on column private.rate_limits.step is 'From one token of a part to its next.';
comment on column private.rate_limits.ahead is
  'A part that is full again within this time has a token; one without any is full a step later.';
comment on column private.rate_limits.beyond is
  'A part that is full only after this time was written a minute and more ahead, by a clock that was set back since or under other limits. It counts as full: otherwise it would give nothing for as long.';
alter table private.rate_limits enable row level security;
revoke all on table private.rate_limits from public, anon, authenticated, service_role;

-- supabase/sql/observe/webhook_refusals.sql
comment on table public.webhook_refusals is
  'Requests a minute that were refused unverified or over their rate: beyond a cap they are only counted, so that nobody can fill the audit.';
comment on column public.webhook_refusals.part is 'A minute has up to eight rows, so that callers do not queue at one.';
alter table public.webhook_refusals enable row level security;
revoke all on table public.webhook_refusals from anon, authenticated, service_role;
grant select on table public.webhook_refusals to authenticated;
drop policy if exists "operators read" on public.webhook_refusals;
create policy "operators read" on public.webhook_refusals for select to authenticated
  using ((select private.is_operator()));

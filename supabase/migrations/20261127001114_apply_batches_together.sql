-- Why: apply what is new in a batch by one statement of a kind

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/write_report_functions.sql
create or replace function private.write_report_functions()
returns void
language plpgsql volatile set search_path = '' as $$
declare
  c_delivery constant text :=
    'webhook_status = case when p_delivery.id is null then webhook_status else p_delivery.status end,
             webhook_attempts = case when p_delivery.id is null then webhook_attempts else p_delivery.attempts end,
             webhook_last_attempt = case when p_delivery.id is null then webhook_last_attempt else p_delivery.last_attempt end,
             webhook_response = case when p_delivery.id is null then webhook_response else p_delivery.response end,
             webhook_job_id = case when p_delivery.id is null then webhook_job_id else p_delivery.job_id end';
  -- Not of the whole row, for which PostgreSQL would fetch the text.
  c_metadata constant text := 'private.shown_metadata(
             row(null, null, content.research_metadata, content.final_data, null)::private.report_contents)';
begin
  execute format(
    'create or replace function private.report_table(p_report_type text)
     returns text
     language plpgsql stable set search_path = '''' as $body$
     begin
       return case when p_report_type is null then null %s end;
     end
     $body$',
    (select string_agg(format('when p_report_type = %L then %L', report_type, table_name), ' ' order by report_type) from public.report_types));
  comment on function private.report_table(text) is
    'The table that holds reports of this type, without its schema. Null: no such type.';
  revoke all on function private.report_table(text) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.report_row(
       p_report_type text, p_report_id uuid, p_lock boolean, out owner uuid, out summary_id uuid, out winner_event_id text)
     returns record
     language plpgsql volatile set search_path = '''' as $body$
     begin
       %s
       raise exception ''no report type %%'', p_report_type using errcode = ''PL004'';
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         if p_lock then
           select report.user_id, report.summary_id, report.winner_event_id into owner, summary_id, winner_event_id
           from public.%I report where report.id = p_report_id for no key update;
         else
           select report.user_id, report.summary_id, report.winner_event_id into owner, summary_id, winner_event_id
           from public.%I report where report.id = p_report_id;
         end if;
         return;
       end if;', report_type, table_name, table_name), ' ' order by report_type) from public.report_types));
  comment on function private.report_row(text, uuid, boolean) is
    'What links a report to others: its owner, its summary and its winner. All null: there is no such report. p_lock: until the transaction ends, no other transaction changes the row.';
  revoke all on function private.report_row(text, uuid, boolean) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.lock_free_reports(p_report_type text, p_report_ids uuid[])
     returns table (report_id uuid, owner uuid, winner_event_id text)
     language plpgsql volatile set search_path = '''' as $body$
     declare
       v_owners uuid[];
       v_summaries uuid[];
     begin
       %s
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         select array_agg(distinct user_id), array_agg(distinct summary_id) into v_owners, v_summaries
         from public.%I where id = any (p_report_ids);
         v_owners := array(select id from auth.users where id = any (v_owners) order by id for key share skip locked);
         v_summaries := array(
           select id from public.polaris_summaries where id = any (v_summaries) order by id for key share skip locked);
         return query
         select report.id, report.user_id, report.winner_event_id from public.%I report
         where report.id = any (p_report_ids) and report.user_id = any (v_owners)
           and (report.summary_id is null or report.summary_id = any (v_summaries))
           and not exists (
             select from private.reports_to_import import
             where import.report_type = p_report_type and import.report_id = report.id)
         order by report.id for no key update of report skip locked;
       end if;', report_type, table_name, table_name), ' ' order by report_type) from public.report_types));
  comment on function private.lock_free_reports(text, uuid[]) is
    'Locks, as locked_report() does, those of these reports that nobody else holds and that are imported, and returns them with their owners and winners. It waits for nothing.';
  revoke all on function private.lock_free_reports(text, uuid[]) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.show_new_winners(p_report_type text, p_event_ids text[])
     returns void
     language plpgsql volatile set search_path = '''' as $body$
     begin
       %s
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         -- Copied as it is stored: a text out of a variable would be compressed again.
         update public.%I report
         set research_status = ''completed'', updated_at = now(),
           research_report = content.research_report, research_metadata = %s,
           stage = event.stage, winner_event_id = event.id,
           webhook_status = delivery.status, webhook_attempts = delivery.attempts,
           webhook_last_attempt = delivery.last_attempt, webhook_response = delivery.response, webhook_job_id = delivery.job_id
         from public.report_events event
         join private.report_contents content on content.event_id = event.id
         join public.webhook_deliveries delivery on delivery.event_id = event.id and delivery.position is null
         where event.id = any (p_event_ids) and report.id = event.report_id;
       end if;', report_type, table_name, c_metadata), ' ' order by report_type) from public.report_types));
  comment on function private.show_new_winners(text, text[]) is
    'Shows new results in their reports, as show_in_report() does: each with its delivery to our own endpoint, and as the newest of its report. The caller holds the reports'' locks.';
  revoke all on function private.show_new_winners(text, text[]) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.show_in_report(
       p_report_type text, p_report_id uuid, p_status public.research_status, p_winner public.report_events default null,
       p_delivery public.webhook_deliveries default null)
     returns void
     language plpgsql volatile set search_path = '''' as $body$
     begin
       %s
       raise exception ''no report type %%'', p_report_type using errcode = ''PL004'';
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         if p_winner.id is null then
           update public.%I report
           set research_status = coalesce(p_status, research_status),
             updated_at = case when p_status is null then updated_at else now() end,
             %s
           where id = p_report_id and (p_delivery.id is not null or research_status <> p_status);
         else
           -- Copied as it is stored: a text out of a variable would be compressed again.
           update public.%I report
           set research_status = coalesce(p_status, research_status),
             updated_at = case when p_status is null then updated_at else now() end,
             research_report = content.research_report, research_metadata = %s,
             stage = p_winner.stage, winner_event_id = p_winner.id,
             %s
           from private.report_contents content
           where id = p_report_id and content.event_id = p_winner.id;
           if not found then
             perform private.content_of(p_winner);
           end if;
         end if;
         return;
       end if;',
      report_type, table_name, c_delivery, table_name, c_metadata, c_delivery), ' ' order by report_type) from public.report_types));
  comment on function private.show_in_report(
    text, uuid, public.research_status, public.report_events, public.webhook_deliveries) is
    'The one writer of what a report''s row shows: the status, a new winner with its content, the state of a delivery; null is left as it was. All at once where all changes: a second update of a row in its transaction checks each of its foreign keys again. The caller holds the report''s lock. Raises PL008 where the winner''s content is missing.';
  revoke all on function private.show_in_report(
    text, uuid, public.research_status, public.report_events, public.webhook_deliveries)
    from public, anon, authenticated, service_role;
end
$$;

comment on function private.write_report_functions() is
  'Writes the functions that name the report tables: report_table(), report_row(), lock_free_reports(), show_new_winners() and show_in_report(). A statement that is executed as a text is planned at each call; theirs are planned once in a session. add_report_type() calls it.';
revoke all on function private.write_report_functions() from public, anon, authenticated, service_role;

-- supabase/sql/events/apply_report_events.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_report_events(p_events jsonb, p_sender text default null, p_cap_per_minute int default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '2s' set lock_timeout = '50ms'
-- Each row is asked for by its id: a plan that was made while a table was small would read all of it at each call, and a plan
-- for the ids of one call is no better than one for all. Compiling expressions would cost more than all of them, and the cost that
-- PostgreSQL adds to a plan without an index could start it.
set enable_seqscan = 'off' set plan_cache_mode = 'force_generic_plan' set jit = 'off' as $$
declare
  v_started timestamptz := clock_timestamp();
  v_events jsonb[] := array(select value from jsonb_array_elements(p_events) with ordinality item(value, n) order by n);
  v_count int := cardinality(v_events);
  -- Of each item that is to be applied, by its place; null of the others.
  v_ids text[] := array_fill(null::text, array[v_count]);
  v_jobs text[] := v_ids;
  v_known text[] := v_ids;
  v_results private.incoming_result[] := array_fill(null::private.incoming_result, array[v_count]);
  v_report_types text[] := v_ids;
  v_report_ids text[] := v_ids;
  -- What others hold.
  v_held_ids text[] := '{}';
  v_held_events text[];
  v_held_reports text[] := '{}';
  v_held_jobs text[];
  -- Of each item whose report was locked with others.
  v_owners uuid[];
  v_winners text[];
  -- Of the items that are applied together.
  v_together jsonb[];
  v_asked record;
  v_refusal jsonb;
  v_limited int := 0;
  v_failure text;
  v_item record;
  v_body private.incoming_result;
  v_locked text[];
  v_record jsonb;
  v_bucket text;
  v_answer jsonb;
  v_detail text;
  v_note jsonb;
  v_answers jsonb[] := '{}';
  -- What is audited without its effect: whatever the sender repeats, and what counts against the cap of the minute.
  v_notes jsonb[] := '{}';
  v_capped jsonb[] := '{}';
begin
  v_asked := private.ask_sender_tokens(p_sender, v_count, false);
  v_refusal := v_asked.refusal;
  v_failure := v_asked.failure;
  v_limited := v_count - v_asked.granted;
  for v_n in 1 .. v_count - v_limited loop
    continue when v_events[v_n] ->> 'body' is null;
    begin
      v_body := private.read_body(v_events[v_n] ->> 'body', v_events[v_n] -> 'record' ->> 'endpoint_id');
      v_body.trace_id := v_events[v_n] -> 'record' ->> 'trace_id';
      v_results[v_n] := v_body;
      v_ids[v_n] := v_events[v_n] -> 'record' ->> 'event_id';
      v_jobs[v_n] := v_body.job_id;
      v_report_types[v_n] := v_body.report_type;
      v_report_ids[v_n] := v_body.report_id;
    exception when others then
      -- Applying it fails too, and is answered there.
      v_ids[v_n] := null;
    end;
  end loop;

  -- Locks are taken in the order of all, each kind sorted, and none is waited for: batches in any order end.
  v_held_ids := array(
    select id from (select distinct id from unnest(v_ids) id where id is not null order by id offset 0) sorted
    where not pg_try_advisory_xact_lock(hashtextextended(id, 0)));
  -- As find_event() does.
  v_known := array(
    select case when item.id <> all (v_held_ids) then coalesce(
      (select event.id from public.report_events event where event.id = item.id),
      (select event.id from public.report_events event where event.job_id = item.job_id)) end
    from unnest(v_ids, v_jobs) with ordinality item (id, job_id, n) order by n);
  v_locked := array(
    select event_id from public.webhook_deliveries
    where event_id = any (v_known) and position is null order by id for update skip locked);
  v_held_events := array(
    select event_id from public.webhook_deliveries
    where event_id = any (v_known) and position is null and event_id <> all (v_locked));
  with wanted as (
    select type, id::uuid, n from unnest(v_report_types, v_report_ids, v_ids, v_known) with ordinality item(type, id, event_id, known_id, n)
    where event_id <> all (v_held_ids) and coalesce(known_id, '') <> all (v_held_events)
  ), locked as (
    select each.type, free.* from (select type, array_agg(distinct id) as ids from wanted group by type order by type) each,
      lateral private.lock_free_reports(each.type, each.ids) free
  )
  select array_agg(locked.owner order by item.n), array_agg(locked.winner_event_id order by item.n)
  into v_owners, v_winners
  from generate_series(1, v_count) item(n) left join wanted using (n)
  left join locked on locked.type = wanted.type and locked.report_id = wanted.id;
  -- What is left is held by others, to be imported, or not there.
  for v_item in
    select distinct type, id
    from unnest(v_report_types, v_report_ids, v_ids, v_known, v_owners) item(type, id, event_id, known_id, owner)
    where event_id <> all (v_held_ids) and coalesce(known_id, '') <> all (v_held_events) and owner is null
    order by type, id
  loop
    begin
      if not private.try_lock_report(v_item.type, v_item.id::uuid) then
        v_held_reports := v_held_reports || (v_item.type || ':' || v_item.id);
      end if;
    exception when others then
      -- One that cannot be imported, say: its items are answered where they fail again.
      null;
    end;
  end loop;
  v_locked := array(
    select job_id from private.job_runs where job_id = any (v_jobs) order by job_id for no key update skip locked);
  v_held_jobs := array(select job_id from private.job_runs where job_id = any (v_jobs) and job_id <> all (v_locked));

  begin
    v_together := private.apply_together(
      array(select value -> 'record' from unnest(v_events) with ordinality item(value, n) order by n), v_results,
      array(
        select case when id <> all (v_held_ids) and coalesce(job_id, '') <> all (v_held_jobs) then id end
        from unnest(v_ids, v_jobs) with ordinality item (id, job_id, n) order by n),
      v_known, v_owners, v_winners, p_sender is not null, v_started);
  exception when others then
    -- One of them fails, and which one is found one by one.
    v_together := null;
  end;

  for v_n in 1 .. v_count loop
    v_record := v_events[v_n] -> 'record';
    v_bucket := v_report_types[v_n] || ':' || v_report_ids[v_n];
    v_note := null;
    v_detail := null;
    if v_n > v_count - v_limited then
      v_answer := v_refusal;
    elsif v_events[v_n] ->> 'body' is null then
      v_answer := jsonb_build_object('outcome', 'refused');
      v_notes := v_notes || v_record;
    elsif v_together[v_n] is not null then
      v_answer := v_together[v_n];
    elsif v_ids[v_n] = any (v_held_ids) or v_known[v_n] = any (v_held_events) or v_bucket = any (v_held_reports)
      or v_jobs[v_n] = any (v_held_jobs)
    then
      v_answer := jsonb_build_object('outcome', 'busy');
      v_detail := 'not applied: another transaction holds its event, report or job';
    else
      begin
        v_asked := private.ask_limit('report', v_bucket, false);
        v_answer := v_asked.refusal;
        v_failure := coalesce(v_failure, v_asked.failure);
        if v_answer is null then
          v_answer := public.apply_report_event(
            p_event_id => v_record ->> 'event_id', p_body => v_events[v_n] ->> 'body',
            p_endpoint_id => v_record ->> 'endpoint_id', p_body_sha256 => v_record ->> 'body_sha256',
            p_body_bytes => (v_record ->> 'body_bytes')::int,
            p_elapsed_ms => (v_record ->> 'elapsed_ms')::numeric + extract(epoch from clock_timestamp() - v_started) * 1000,
            p_trace_id => v_record ->> 'trace_id', p_span_id => v_record ->> 'span_id');
          if p_sender is not null and v_answer ->> 'outcome' not in ('report_not_found', 'event_conflict', 'job_conflict')
            -- A report that is not there has no bucket. Of what is applied it is there; a duplicate may have outlived it.
            and (v_answer ->> 'outcome' <> 'duplicate'
              or not private.report_is_gone(v_report_types[v_n], v_report_ids[v_n]::uuid))
          then
            -- The lock of the report is held, so that nobody takes its last token meanwhile.
            v_asked := private.ask_limit('report', v_bucket, true);
            v_failure := coalesce(v_failure, v_asked.failure);
            if v_asked.refusal is not null then
              raise exception 'over the rate of its report' using errcode = 'PT429', detail = v_asked.refusal::text;
            end if;
          end if;
        end if;
      exception
        when sqlstate 'PT429' then
          get stacked diagnostics v_detail = pg_exception_detail;
          v_answer := v_detail::jsonb;
          v_detail := null;
        when others then
          -- Its message could quote the content.
          v_answer := jsonb_build_object('outcome', 'busy');
          v_detail := format('not applied: SQLSTATE %s', sqlstate);
      end;
    end if;
    if v_answer ->> 'outcome' = 'rate_limited' then
      v_capped := v_capped || (v_record || jsonb_build_object(
        'status', 429, 'outcome', 'rate_limited', 'detail', format('over the rate of its %s', v_answer ->> 'policy'),
        'report_type', v_report_types[v_n], 'report_id', v_report_ids[v_n]));
    elsif v_detail is not null then
      v_notes := v_notes || (v_record || jsonb_build_object('status', 503, 'outcome', 'busy', 'detail', v_detail));
    end if;
    v_answers := v_answers || v_answer;
  end loop;

  foreach v_note in array v_notes loop
    perform public.record_webhook_request(v_note || jsonb_build_object('id', gen_random_uuid()), true, p_cap_per_minute);
  end loop;
  begin
    -- Late, since others count in the same rows.
    foreach v_note in array v_capped loop
      perform public.record_webhook_request(v_note || jsonb_build_object('id', gen_random_uuid()), false, p_cap_per_minute);
    end loop;
  exception when lock_not_available then
    v_failure := coalesce(v_failure, 'refusals were not counted: others count at this moment');
  end;
  v_asked := private.ask_sender_tokens(p_sender, v_count - v_limited, true);
  if v_asked.refusal is not null then
    -- Others took the last tokens meanwhile. All is undone, and the endpoint answers the whole like the refusals above.
    raise exception 'over the rate of its sender' using errcode = 'PT429', detail = v_asked.refusal::text;
  end if;
  return jsonb_build_object('answers', to_jsonb(v_answers), 'failure', coalesce(v_failure, v_asked.failure));
end
$$;

comment on function public.apply_report_events(jsonb, text, int) is
  'Applies the events of a batch that one key signed: what apply_together() takes first, then the others in their order, each by apply_report_event(). One that fails, or that another transaction holds, is undone alone and answers busy. p_events: [{body, record}]; body: the text of the event, null for one that the endpoint refuses; record: what the audit says of it, as for record_webhook_request(). Returns {answers, failure}: an answer of apply_report_event() each, or {outcome: refused}; failure: the limiter failed. PT429 as there. p_sender: whose key signed the batch; null is not limited.';
revoke all on function public.apply_report_events(jsonb, text, int) from public, anon, authenticated, service_role;
grant execute on function public.apply_report_events(jsonb, text, int) to service_role;

-- supabase/sql/events/apply_together.sql
-- What apply_at_once() does for one event, by one statement for all of a kind: PostgreSQL prepares constraints, triggers and plans
-- once for each statement. Events that this function leaves out are applied one by one.
create or replace function private.apply_together(
  p_records jsonb[], p_results private.incoming_result[], p_ids text[], p_known text[], p_owners uuid[], p_winners text[],
  p_is_limited boolean, p_started timestamptz)
returns jsonb[]
language plpgsql volatile set search_path = '' as $$
declare
  v_limit record;
  v_revision bigint := (select max(id) from private.endpoint_revisions);
  v_item record;
  v_event public.report_events;
  v_result private.incoming_result;
  v_events public.report_events[] := '{}';
  -- Of each of them: its owner, its result, what the audit says of it, and its place in the batch.
  v_owners uuid[] := '{}';
  v_results private.incoming_result[] := '{}';
  v_records jsonb[] := '{}';
  v_places int[] := '{}';
  v_told text[] := '{}';
  v_taken int;
  v_answers jsonb[];
begin
  select tokens_per_minute, parts, step, ahead, beyond into strict v_limit from private.rate_limits where kind = 'report';
  if v_limit.parts <> 1 then
    return null;
  end if;
  for v_item in
    select item.*,
      (select winner from public.report_events winner where winner.id = item.winner_id) as winner,
      -- Then its status is the report's (report_status()).
      not exists (
        select from private.job_runs other
        where other.report_id = item.report_id and other.report_type = item.report_type
          and other.created_at > item.requested_at - interval '1 millisecond')
      and not exists (
        select from public.report_events other
        where other.report_id = item.report_id and other.report_type = item.report_type
          and other.requested_at >= item.requested_at and other.effect is not null)
        as is_newest,
      (select coalesce(max(position), 0) + 1 from public.report_events
        where report_type = item.report_type and report_id = item.report_id) as position
    from (
      select result.ordinality::int as place, event_id, type, report_type, report_id, stage, job_id, trace_id, error, owner, winner_id,
        least(requested_at, clock_timestamp())::timestamptz(3) as requested_at
      from (
        select *, count(*) over (partition by report_type, report_id) as of_report,
          count(*) over (partition by event_id) as of_id, count(*) over (partition by job_id) as of_job
        from unnest(p_ids, p_known, p_owners, p_winners, p_results) with ordinality item (event_id, known_id, owner, winner_id)
        where event_id is not null) result
      where known_id is null and owner is not null and of_report = 1 and of_id = 1 and of_job = 1
        and type in ('report.prelim.completed', 'report.final.completed')
        and requested_at <= now() + interval '5 minutes'
        -- As `not exists`, and planned while job_runs was small, this would read all of it at each call.
        and (select job.job_id from private.job_runs job where job.job_id = result.job_id) is null
        and not exists (
          select from private.rate_buckets bucket
          where bucket.kind = 'report' and bucket.key = report_type || ':' || report_id and bucket.part = 0
            and bucket.full_at > clock_timestamp() + v_limit.ahead)) item
    order by item.place
  loop
    v_event := null;
    v_event.id := v_item.event_id;
    v_event.type := v_item.type;
    v_event.report_type := v_item.report_type;
    v_event.report_id := v_item.report_id;
    v_event.stage := v_item.stage;
    v_event.job_id := v_item.job_id;
    v_event.requested_at := v_item.requested_at;
    v_event.position := v_item.position;
    if v_item.is_newest and private.event_outranks(v_event, v_item.winner) then
      v_result := p_results[v_item.place];
      v_result.trace_id := coalesce(v_result.trace_id, private.new_trace_id());
      v_event.digest := private.content_digest(v_result);
      v_event.trace_id := v_result.trace_id;
      v_event.error := v_result.error;
      v_events := v_events || v_event;
      v_owners := v_owners || v_item.owner;
      v_results := v_results || v_result;
      v_records := v_records || p_records[v_item.place];
      v_places := v_places || v_item.place;
    end if;
  end loop;
  if v_places = '{}' then
    return null;
  end if;

  -- Before the time: a plan counts on it that nothing of an earlier time has a later transaction.
  perform pg_current_xact_id();
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, position, applied_at,
    applied_xid, settings_revision, trace_id)
  select id, type, report_type, report_id, stage, job_id, requested_at, digest, error, 'webhook', 'applied', position,
    clock_timestamp(), pg_current_xact_id(), v_revision, trace_id
  from unnest(v_events);
  insert into private.report_contents (event_id, research_report, research_metadata, final_data)
  select p_ids[place], research_report, research_metadata, final_data from unnest(v_places, v_results) applied (place);
  if v_revision is not null then
    for v_item in
      select event, applied.owner from unnest(v_places, v_owners) with ordinality applied (place, owner)
      join public.report_events event on event.id = p_ids[applied.place] order by applied.ordinality
    loop
      perform private.fan_out(v_item.event, v_item.owner);
    end loop;
    v_told := array(
      select id from unnest(v_events) event
      where exists (select from public.webhook_deliveries where event_id = event.id and webhook_deliveries.position is not null));
  end if;
  perform set_config('polaris.import', 'on', true);
  -- As confirm_delivery() does.
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response)
  select id, private.internal_endpoint(stage), report_type, report_id, job_id, 'success', 1, now(), null,
    jsonb_build_object('status', 200, 'outcome', 'applied')
  from unnest(v_events);
  perform set_config('polaris.import', '', true);
  perform private.show_new_winners(report_type, array_agg(id)) from unnest(v_events) group by report_type order by report_type;
  -- As notify_owner() does.
  insert into public.report_notifications (user_id, report_type, report_id, event_id)
  select owner, report_type, report_id, id from unnest(v_owners, v_events) applied (owner) where stage = 'final';
  if p_is_limited and v_limit.tokens_per_minute is not null then
    -- As ask_limit() does.
    insert into private.rate_buckets as bucket (kind, key, part, full_at)
    select 'report', report_type || ':' || report_id, 0, clock_timestamp() + v_limit.step from unnest(v_events)
    on conflict (kind, key, part) do update
    set full_at = case
      when bucket.full_at between clock_timestamp() and clock_timestamp() + v_limit.beyond then bucket.full_at
      else clock_timestamp() end + v_limit.step
    where bucket.full_at <= clock_timestamp() + v_limit.ahead or bucket.full_at > clock_timestamp() + v_limit.beyond;
    get diagnostics v_taken = row_count;
    if v_taken < cardinality(v_events) then
      raise exception 'a report is over its rate' using errcode = 'PT429';
    end if;
  end if;
  with applied as (
    select *, p_ids[place] as id, jsonb_build_object(
      'outcome', 'applied', 'report_id', report_id, 'job_id', job_id, 'report_type', report_type, 'stage', stage,
      'status', 'completed', 'timestamp', private.iso_time(clock_timestamp())) as answer
    from unnest(v_places, v_records, v_results) applied (place, record)
  ), audited as (
    -- As apply_report_event() does with add_audit().
    insert into public.webhook_audit (
      direction, outcome, endpoint_id, event_id, job_id, report_table, report_id, request_payload, response_status,
      response_body, attempt_number, body_sha256, body_bytes, duration_ms, trace_id, span_id)
    select 'in', 'applied', record ->> 'endpoint_id', id, job_id, private.report_table(report_type), report_id,
      jsonb_strip_nulls(jsonb_build_object(
        'id', id, 'type', type, 'data', jsonb_build_object(
          'job_id', job_id, 'report_id', report_id, 'report_type', report_type, 'research_status', 'completed',
          'error', "left"(error, 500), 'requested_at', private.iso_time(requested_at)))),
      200, answer, 1, record ->> 'body_sha256', (record ->> 'body_bytes')::int,
      least(greatest(
        (record ->> 'elapsed_ms')::numeric + extract(epoch from clock_timestamp() - p_started) * 1000, 0), 999999999.999),
      trace_id, record ->> 'span_id'
    from applied
  )
  select array_agg(
    applied.answer || case when applied.id = any (v_told) then jsonb_build_object('outward', applied.id) else '{}' end
    order by given.place)
  into v_answers
  from generate_series(1, cardinality(p_ids)) given (place) left join applied using (place);
  return v_answers;
end
$$;

comment on function private.apply_together(jsonb[], private.incoming_result[], text[], text[], uuid[], text[], boolean, timestamptz) is
  'Applies the new completed results of a batch that win, each the only one of its report, its id and its job, and of no job of ours. What it raises, the caller undoes. p_records, p_results, p_ids, p_known: of each item what the audit says of it, its result, its id (null: left out) and the event that is known. p_owners, p_winners: of its report, which the caller has locked; without an owner it is left out. p_is_limited: reports pay a token. Returns the answer of each item, null where it was not applied.';
revoke all on function private.apply_together(jsonb[], private.incoming_result[], text[], text[], uuid[], text[], boolean, timestamptz) from public, anon, authenticated, service_role;

-- The functions that name the report tables.
select private.write_report_functions();

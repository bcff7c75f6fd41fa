-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_report_events(p_events jsonb, p_sender text default null, p_cap_per_minute int default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '2s' set lock_timeout = '50ms'
-- Each row is looked up by its id. A plan made while a table was small would read all of it at each call, and plans for the
-- ids of one call are no better than a generic one. JIT compilation would cost more than the whole call, and the cost that
-- PostgreSQL adds for disabled scans could trigger it.
set enable_seqscan = 'off' set plan_cache_mode = 'force_generic_plan' set jit = 'off' as $$
declare
  -- Later items are answered busy, so that the time-out, which over a direct connection is longer, does not undo all of them.
  c_begun_within constant interval := '1.5 seconds';
  v_started timestamptz := clock_timestamp();
  v_events jsonb[] := array(select value from jsonb_array_elements(p_events) with ordinality item(value, n) order by n);
  v_count int := cardinality(v_events);
  -- By place in the batch: the items to be applied; null for the others.
  v_ids text[] := array_fill(null::text, array[v_count]);
  v_jobs text[] := v_ids;
  v_known text[] := v_ids;
  v_results private.incoming_result[] := array_fill(null::private.incoming_result, array[v_count]);
  v_report_types text[] := v_ids;
  v_report_ids text[] := v_ids;
  -- What other transactions hold.
  v_held_ids text[] := '{}';
  v_held_events text[];
  v_held_reports text[] := '{}';
  v_held_jobs text[];
  -- For items whose reports were locked together.
  v_owners uuid[];
  v_winners text[];
  -- Answers of the items that were applied together.
  v_together jsonb[];
  v_asked record;
  v_refusal jsonb;
  v_limited int := 0;
  v_failure text;
  v_set_failure text;
  v_item record;
  v_body private.incoming_result;
  v_locked text[];
  v_record jsonb;
  v_bucket text;
  v_answer jsonb;
  v_detail text;
  v_note jsonb;
  v_answers jsonb[] := '{}';
  -- Requests audited without an effect: v_notes on every repetition, v_capped under the cap per minute.
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
      -- Applying this item will fail too, and is answered there.
      v_ids[v_n] := null;
    end;
  end loop;

  -- Locks are taken in the global order, sorted within each kind, and without waiting: so batches in any order finish.
  v_held_ids := array(
    select id from (select distinct id from unnest(v_ids) id where id is not null order by id offset 0) sorted
    where not pg_try_advisory_xact_lock(hashtextextended(id, 0)));
  -- The same look-up as in find_event().
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
  -- The remaining reports are locked by others, not imported yet, or missing.
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
      -- For example, the report cannot be imported: its items fail again below and are answered there.
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
    -- One item fails: process them one by one to find it. Its message could quote the content.
    v_together := null;
    v_set_failure := sqlstate;
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
    elsif clock_timestamp() > v_started + c_begun_within then
      v_answer := jsonb_build_object('outcome', 'busy');
      v_detail := 'not applied: its batch took too long';
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
            -- A missing report has no bucket. The report of an applied event exists; that of a duplicate may be gone.
            and (v_answer ->> 'outcome' <> 'duplicate'
              or not private.report_is_gone(v_report_types[v_n], v_report_ids[v_n]::uuid))
          then
            -- The report's lock is held, so no other call can take its last token.
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
          -- The message could contain the content.
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
    -- As late as possible, since other calls count in the same rows.
    foreach v_note in array v_capped loop
      perform public.record_webhook_request(v_note || jsonb_build_object('id', gen_random_uuid()), false, p_cap_per_minute);
    end loop;
  exception when lock_not_available then
    v_failure := coalesce(v_failure, 'refusals were not counted: others count at this moment');
  end;
  v_asked := private.ask_sender_tokens(p_sender, v_count - v_limited, true);
  if v_asked.refusal is not null then
    -- Other calls have taken the last tokens. Everything is rolled back, and the endpoint answers the whole batch like the
    -- refusals above.
    raise exception 'over the rate of its sender' using errcode = 'PT429', detail = v_asked.refusal::text;
  end if;
  return jsonb_build_object('answers', to_jsonb(v_answers), 'failure', coalesce(v_failure, v_asked.failure), 'set_failure', v_set_failure);
end
$$;

comment on function public.apply_report_events(jsonb, text, int) is
  'Applies the events of a batch that one key signed: what apply_together() takes first, then the others in their order, each by apply_report_event(). One that fails, that another transaction holds, or that would begin after 1.5 seconds, is undone alone and answers busy. p_events: [{body, record}]; body: the text of the event, null for one that the endpoint refuses; record: what the audit says of it, as for record_webhook_request(). Returns {answers, failure, set_failure}: an answer of apply_report_event() each, or {outcome: refused}; failure: the limiter failed; set_failure: the SQLSTATE with which apply_together() failed. PT429 as there. p_sender: whose key signed the batch; null is not limited.';
revoke all on function public.apply_report_events(jsonb, text, int) from public, anon, authenticated, service_role;
grant execute on function public.apply_report_events(jsonb, text, int) to service_role;

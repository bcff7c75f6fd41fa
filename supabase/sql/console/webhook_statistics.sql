create or replace function public.webhook_statistics(
  p_window text default 'hour', p_after timestamptz default null, p_before timestamptz default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_succeeded constant text[] := '{delivered,applied,duplicate,superseded}';
  -- Buckets of two hours are kept for 16 days, those of a quarter of an hour for two days.
  c_furthest constant interval := '16 days';
  v_is_range boolean := p_after is not null or p_before is not null;
  v_before timestamptz := least(p_before, now());
  v_bucket interval;
  v_span interval;
  v_slot_minutes int;
  v_from timestamptz;
  v_to timestamptz;
  v_rolled timestamptz;
  -- Audit rows are read from this time on; earlier figures come from the roll-up. Ranges up to an hour read only audit rows,
  -- since the roll-up has no buckets that short.
  v_split timestamptz;
  v_traffic jsonb;
  v_open jsonb;
begin
  perform private.require_operator();
  case p_window
    when 'quarter' then v_bucket := '30 seconds'; v_span := '15 minutes';
    when 'hour' then v_bucket := '1 minute'; v_span := '1 hour';
    when 'day' then v_bucket := '15 minutes'; v_span := '1 day'; v_slot_minutes := 15;
    when 'week' then v_bucket := '2 hours'; v_span := '7 days'; v_slot_minutes := 120;
    else raise exception 'p_window must be quarter, hour, day or week' using errcode = 'invalid_parameter_value';
  end case;
  if not v_is_range then
    v_to := date_bin(v_bucket, now(), 'epoch') + v_bucket;
    v_from := v_to - v_span;
  elsif (p_after < v_before and date_bin('2 hours', p_after, 'epoch') > now() - c_furthest) is not true then
    raise exception 'p_after must be a time of the last 16 days, before p_before'
      using errcode = 'invalid_parameter_value';
  else
    v_slot_minutes := null;
    -- The audit may be kept for only one day.
    if v_before - p_after <= interval '1 hour' and (
      p_after > now() - interval '1 day' or exists (select from public.webhook_audit where created_at < p_after))
    then
      v_bucket := case when v_before - p_after <= interval '15 minutes' then '30 seconds' else '1 minute' end;
    elsif v_before - p_after <= interval '1 day' and date_bin('15 minutes', p_after, 'epoch') > now() - interval '2 days' then
      v_bucket := '15 minutes'; v_slot_minutes := 15;
    else
      v_bucket := '2 hours'; v_slot_minutes := 120;
    end if;
    v_from := date_bin(v_bucket, p_after, 'epoch');
    v_to := date_bin(v_bucket, v_before - interval '1 microsecond', 'epoch') + v_bucket;
  end if;
  select rolled_up_until into strict v_rolled from public.webhook_roll_up where only_row;
  v_split := case when v_slot_minutes is null then v_from else greatest(v_from, v_rolled) end;

  with fresh as materialized (
    select date_bin(v_bucket, created_at, 'epoch') as at, direction, report_type, outcome, reports_failure, bucket,
      count(*) as requests
    from private.webhook_measures where created_at >= v_split and created_at < v_to
    group by 1, 2, 3, 4, 5, 6
  ), counts as materialized (
    -- Only delivered requests can report a failed generation.
    select at, direction, report_type, outcome, reports_failure and outcome = any (c_succeeded) as reports_failure,
      sum(requests)::bigint as requests
    from (
      select at, direction, report_type, outcome, reports_failure, requests from fresh
      union all
      select slot, direction, report_type, outcome, reports_failure, requests
      from public.webhook_counts where slot_minutes = v_slot_minutes and slot >= v_from and slot < v_to) parts
    group by 1, 2, 3, 4, 5
  ), latencies as (
    -- Per bucket of the series, and (with null) for the whole window.
    select at, direction, bucket, sum(requests::int)::int as requests
    from (
      select at, direction, bucket, requests from fresh where bucket is not null
      union all
      select slot, direction, bucket, requests
      from public.webhook_latencies where slot_minutes = v_slot_minutes and slot >= v_from and slot < v_to) parts
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
      -- A request rejected because of its sender's rate is not a failure of ours.
      sum(requests) filter (where outcome not in ('skipped', 'rate_limited'))::bigint as total,
      coalesce(sum(requests) filter (where outcome = any (c_succeeded) and not reports_failure), 0)::bigint as succeeded,
      coalesce(sum(requests) filter (where reports_failure), 0)::bigint as reported_failures,
      coalesce(sum(requests) filter (where outcome = 'skipped'), 0)::bigint as skipped
    from counts group by grouping sets ((at, direction), (direction))
  ), traffic as (
    select totals.at, totals.direction,
      private.traffic(total, succeeded, reported_failures, p50, p95, p99)
        || case totals.direction when 'out' then jsonb_build_object('skipped', skipped) else '{}' end as figures
    from totals
    left join percentiles on percentiles.direction = totals.direction
      and coalesce(percentiles.at, '-infinity') = coalesce(totals.at, '-infinity')
  ), nothing as (
    select private.traffic(0, 0, 0, null, null, null) as received,
      private.traffic(0, 0, 0, null, null, null) || '{"skipped": 0}' as sent
  )
  select jsonb_build_object(
    'sent', coalesce((select figures from traffic where at is null and direction = 'out'), sent),
    'received', coalesce((select figures from traffic where at is null and direction = 'in'), received),
    'series', (
      select jsonb_agg(jsonb_build_object(
        'at', bucket.at, 'sent', coalesce(outgoing.figures, sent), 'received', coalesce(incoming.figures, received))
        order by bucket.at)
      from generate_series(v_from, v_to - v_bucket, v_bucket) bucket (at)
      left join traffic outgoing on outgoing.at = bucket.at and outgoing.direction = 'out'
      left join traffic incoming on incoming.at = bucket.at and incoming.direction = 'in'),
    'by_outcome', (
      select coalesce(jsonb_agg(to_jsonb(summed) order by direction desc, count desc, outcome), '[]')
      from (
        select direction, outcome, sum(requests)::bigint as count,
          coalesce(sum(requests) filter (where reports_failure), 0)::bigint as reported_failures
        from counts group by 1, 2) summed),
    'attempts', (
      select coalesce(jsonb_object_agg(report_type, private.traffic(total, succeeded, reported_failures, null, null, null)), '{}')
      from (
        select report_type, sum(requests)::bigint as total,
          coalesce(sum(requests) filter (where outcome = 'delivered' and not reports_failure), 0)::bigint as succeeded,
          coalesce(sum(requests) filter (where reports_failure), 0)::bigint as reported_failures
        from counts where direction = 'out' and outcome <> 'skipped' and report_type is not null
        group by 1) attempted))
  into v_traffic from nothing;

  select jsonb_object_agg(report_type, to_jsonb(open) - 'report_type') into v_open
  from (
    select report_type,
      count(*) filter (where dead_at is null) as waiting,
      -- Of closed dead letters, only a lost result needs attention: the report can be requested again.
      count(*) filter (where dead_at is not null and (dead_reason = 'import' or not private.is_closed(dead_reason))) as dead,
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
      'window', case when not v_is_range then p_window end, 'as_of', now(), 'from', v_from, 'to', least(v_to, now()), 'bucket_seconds', extract(epoch from v_bucket)::int,
      'rolled_up_until', nullif(v_rolled, '-infinity'),
      'by_status', jsonb_build_object(
        'pending', coalesce(sum(pending), 0), 'sent', coalesce(sum(open.sent), 0),
        'retrying', coalesce(sum(retrying), 0), 'failed', coalesce(sum(open.failed), 0),
        'dead', coalesce(sum(dead), 0),
        -- Whatever the event reports, a delivery has succeeded when it arrived.
        'success', (v_traffic -> 'sent' ->> 'succeeded')::bigint + (v_traffic -> 'sent' ->> 'reported_failures')::bigint),
      'queue', jsonb_build_object(
        'depth', coalesce(sum(waiting), 0), 'due', coalesce(sum(due), 0), 'oldest_waiting', min(oldest)),
      'by_report_type', jsonb_agg(jsonb_build_object(
        'report_type', type.report_type, 'waiting', coalesce(waiting, 0), 'dead', coalesce(dead, 0))
        || (coalesce(v_traffic -> 'attempts' -> type.report_type, private.traffic(0, 0, 0, null, null, null))
          - '{p50_ms,p95_ms,p99_ms}'::text[]) order by type.report_type),
      'circuits', (
        select jsonb_agg(jsonb_build_object(
          'endpoint_id', endpoint_id, 'opened_at', opened_at, 'probe_after', probe_after,
          'state', case when opened_at is null then 'closed' when probe_after > now() then 'open' else 'half_open' end)
          order by endpoint_id desc)
        from public.webhook_circuits),
      'jobs', private.job_figures(v_from, v_to))
      || (v_traffic - 'attempts')
    from public.report_types type
    left join lateral jsonb_to_record(v_open -> type.report_type) as open (
      waiting bigint, dead bigint, pending bigint, sent bigint, retrying bigint, failed bigint, due bigint,
      oldest timestamptz) on true);
end
$$;

comment on function public.webhook_statistics(text, timestamptz, timestamptz) is
  'Statistics of webhooks in the last quarter of an hour, hour, day or week, in buckets of 30 seconds, a minute, a quarter of an hour or two hours, and what waits now; and how jobs fared. With p_after and p_before, instead: in the whole buckets from the one to the other, as fine as is kept of that time. A delivery that brings the news of a failed generation is counted by itself, as neither success nor failure. Percentiles are those of buckets 5 % wide, given by their middle: at most 2.5 % off.';
revoke all on function public.webhook_statistics(text, timestamptz, timestamptz) from public, anon, authenticated, service_role;
grant execute on function public.webhook_statistics(text, timestamptz, timestamptz) to authenticated;

-- Why: an operator looks at a week of traffic as often as at an hour of it, and a week is too much to count each time. The
-- sweep counts every quarter of an hour once, when it is over, and adds it to its two hours; what is newer is read from the
-- audit itself, so that the figures are right also where no sweep ran. No webhook waits for any of it.

create table public.webhook_counts (
  slot_minutes int not null check (slot_minutes in (15, 120)),
  slot timestamptz not null,
  direction text not null,
  report_type text,
  outcome text not null,
  requests bigint not null,
  unique nulls not distinct (slot_minutes, slot, direction, report_type, outcome)
);
comment on table public.webhook_counts is
  'Attempts and requests, by what came of them: in slots of 15 minutes, for the last day, and of 120, for the last week.';
comment on column public.webhook_counts.slot is 'Its beginning.';
comment on column public.webhook_counts.report_type is 'Null: a request that named none, as refused ones do.';

create table public.webhook_latencies (
  slot_minutes int not null check (slot_minutes in (15, 120)),
  slot timestamptz not null,
  direction text not null,
  bucket int not null,
  requests bigint not null,
  primary key (slot_minutes, slot, direction, bucket) include (requests)
);
comment on table public.webhook_latencies is 'How long they took, in the same slots.';
comment on column public.webhook_latencies.bucket is
  'Counts durations over 1.05^(bucket - 1) and up to 1.05^bucket milliseconds: 5 % wide, so that its middle is 2.5 % off at most.';

create table public.webhook_roll_up (
  only_row boolean primary key default true check (only_row),
  rolled_up_until timestamptz not null default '-infinity'
);
comment on table public.webhook_roll_up is 'One row: audit rows from before this time are counted, later ones are not.';
insert into public.webhook_roll_up default values;

alter table public.webhook_counts enable row level security;
alter table public.webhook_latencies enable row level security;
alter table public.webhook_roll_up enable row level security;
create policy "operators read" on public.webhook_counts for select to authenticated
  using ((select private.is_operator()));
create policy "operators read" on public.webhook_latencies for select to authenticated
  using ((select private.is_operator()));
create policy "operators read" on public.webhook_roll_up for select to authenticated
  using ((select private.is_operator()));

create view private.webhook_measures with (security_invoker = true) as
  select
    audit.created_at, audit.direction, type.report_type, audit.outcome,
    -- greatest() would make 0.01 of a duration that nobody measured.
    case when audit.duration_ms is not null
      then ceil(ln(greatest(audit.duration_ms, 0.01)::float8) / ln(1.05::float8))::int end as bucket
  from public.webhook_audit audit
  left join public.report_types type on type.table_name = audit.report_table
  where audit.outcome is not null
    and (audit.direction = 'out' or (audit.actor is null and audit.webhook_type is not null));
comment on view private.webhook_measures is
  'What counts: attempts, and requests of senders to the webhook endpoints. Not what operators and the cron asked for.';

-- Returns how many quarters of an hour: p_limit means that there may be more.
create function public.roll_up_webhooks(p_limit int) returns int
language plpgsql security definer set search_path = '' as $$
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
  select rolled_up_until into v_until from public.webhook_roll_up for update skip locked;
  if not found then
    -- Another sweep is at it.
    return 0;
  end if;
  v_until := greatest(v_until, date_bin('2 hours', now(), 'epoch') - interval '2 hours' * c_slots_kept);
  while v_quarters < p_limit loop
    select date_bin(c_quarter, min(created_at), 'epoch') into v_quarter from public.webhook_audit where created_at >= v_until;
    exit when v_quarter is null or v_quarter + c_quarter > now() - c_margin;
    foreach v_minutes in array '{15,120}'::int[] loop
      v_slot := date_bin(make_interval(mins => v_minutes), v_quarter, 'epoch');
      insert into public.webhook_counts as kept (slot_minutes, slot, direction, report_type, outcome, requests)
      select v_minutes, v_slot, direction, report_type, outcome, count(*)
      from private.webhook_measures where created_at >= v_quarter and created_at < v_quarter + c_quarter
      group by direction, report_type, outcome
      on conflict (slot_minutes, slot, direction, report_type, outcome)
        do update set requests = kept.requests + excluded.requests;
      insert into public.webhook_latencies as kept (slot_minutes, slot, direction, bucket, requests)
      select v_minutes, v_slot, direction, bucket, count(*)
      from private.webhook_measures
      where created_at >= v_quarter and created_at < v_quarter + c_quarter and bucket is not null
      group by direction, bucket
      on conflict (slot_minutes, slot, direction, bucket) do update set requests = kept.requests + excluded.requests;
    end loop;
    v_until := v_quarter + c_quarter;
    v_quarters := v_quarters + 1;
  end loop;
  if v_quarters > 0 then
    update public.webhook_roll_up set rolled_up_until = v_until;
  end if;
  foreach v_minutes in array '{15,120}'::int[] loop
    v_slot := now() - make_interval(mins => v_minutes * c_slots_kept);
    delete from public.webhook_counts where slot_minutes = v_minutes and slot < v_slot;
    delete from public.webhook_latencies where slot_minutes = v_minutes and slot < v_slot;
  end loop;
  return v_quarters;
end $$;
comment on function public.roll_up_webhooks(int) is
  'Counts up to p_limit quarters of an hour that are over and not counted yet, each once however many sweeps run, and
removes counts that no window shows any more.';

create function private.require_operator() returns void
language plpgsql stable set search_path = '' as $$
begin
  if not private.is_operator() then
    -- Row level security would show them nothing, which looks like a system at rest.
    raise exception 'operators only' using errcode = 'insufficient_privilege';
  end if;
end $$;
comment on function private.require_operator() is 'Refuses everybody else, with 42501.';

-- Percentiles are given as buckets of webhook_latencies.
create function private.traffic(p_total bigint, p_succeeded bigint, p_p50 int, p_p95 int, p_p99 int) returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return jsonb_build_object(
    'total', coalesce(p_total, 0), 'succeeded', coalesce(p_succeeded, 0),
    'failed', coalesce(p_total - p_succeeded, 0),
    'success_rate', round(p_succeeded::numeric / nullif(p_total, 0), 6),
    'p50_ms', round(power(1.05::float8, p_p50 - 0.5::float8)::numeric, 4),
    'p95_ms', round(power(1.05::float8, p_p95 - 0.5::float8)::numeric, 4),
    'p99_ms', round(power(1.05::float8, p_p99 - 0.5::float8)::numeric, 4));
end $$;
comment on function private.traffic(bigint, bigint, int, int, int) is 'Counts and percentiles as the console takes them.';

create function public.webhook_statistics(p_window text default 'hour') returns jsonb
language plpgsql stable set search_path = '' as $$
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
  select rolled_up_until into strict v_rolled from public.webhook_roll_up;
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
      sum(requests) filter (where outcome <> 'skipped')::bigint as total,
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
      count(*) filter (where dead_at is not null) as dead,
      count(*) filter (where status = 'pending') as pending,
      count(*) filter (where status = 'sent') as sent,
      count(*) filter (where status = 'retrying') as retrying,
      count(*) filter (where status = 'failed' and dead_at is null) as failed,
      count(*) filter (where dead_at is null and next_attempt <= now()
        and (lease_expires_at is null or lease_expires_at < now())) as due,
      min(created_at) filter (where dead_at is null) as oldest
    from public.webhook_deliveries where status <> 'success'
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
          'webhook_type', webhook_type, 'opened_at', opened_at, 'probe_after', probe_after,
          'state', case when opened_at is null then 'closed' when probe_after > now() then 'open' else 'half_open' end)
          order by webhook_type desc)
        from public.webhook_circuits))
      || (v_traffic - 'attempts')
    from public.report_types type
    left join lateral jsonb_to_record(v_open -> type.report_type) as open (
      waiting bigint, dead bigint, pending bigint, sent bigint, retrying bigint, failed bigint, due bigint,
      oldest timestamptz) on true);
end $$;
comment on function public.webhook_statistics(text) is
  'How webhooks fared in the last hour, day or week, in buckets of a minute, a quarter of an hour or two hours, and what
waits now. Percentiles are those of buckets 5 % wide, given by their middle: at most 2.5 % off.';

select private.apply_grants();

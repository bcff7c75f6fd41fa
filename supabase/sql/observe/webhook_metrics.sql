create or replace function private.webhook_metrics()
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  c_succeeded constant text[] := '{delivered,applied,duplicate,superseded}';
  c_recent constant interval := '15 minutes';
  -- A removed subscriber's series ends, since the number of removed subscribers is unlimited.
  v_removed text[] := array(select endpoint_id from private.subscribers where state = 'removed');
  v_rolled timestamptz := (select rolled_up_until from public.webhook_roll_up where only_row);
begin
  return (
    -- At most the rows that no sweep has rolled up yet, and those of the success ratio: less than half an hour, however large
    -- the audit is.
    with fresh as materialized (
      select direction, endpoint_id, outcome, bucket, created_at >= v_rolled as is_new, created_at >= now() - c_recent as is_recent,
        count(*) as requests
      from private.webhook_measures
      where created_at >= least(v_rolled, now() - c_recent) and endpoint_id <> all (v_removed)
      group by 1, 2, 3, 4, 5, 6
    ), counts as (
      select direction, endpoint_id, outcome, sum(requests)::bigint as requests
      from (
        select direction, endpoint_id, outcome, requests from private.webhook_totals
        where endpoint_id <> all (v_removed)
        union all
        select direction, endpoint_id, outcome, requests from fresh where is_new) parts
      group by 1, 2, 3
    ), latencies as (
      select direction, endpoint_id, bucket, sum(requests)::bigint as requests
      from (
        select direction, endpoint_id, bucket, requests from private.latency_totals
        where endpoint_id <> all (v_removed)
        union all
        select direction, endpoint_id, bucket, requests from fresh where is_new and bucket is not null) parts
      group by 1, 2, 3
    )
    select jsonb_build_object(
      'counts', (select coalesce(jsonb_agg(to_jsonb(counts) order by direction, endpoint_id, outcome), '[]') from counts),
      'latencies', (select coalesce(jsonb_agg(to_jsonb(latencies) order by direction, endpoint_id, bucket), '[]') from latencies),
      'recent', (
        select coalesce(jsonb_agg(to_jsonb(recent) order by direction, endpoint_id), '[]')
        from (
          select direction, endpoint_id,
            coalesce(sum(requests) filter (where outcome <> 'skipped'), 0)::bigint as total,
            coalesce(sum(requests) filter (where outcome = any (c_succeeded)), 0)::bigint as succeeded
          from fresh where is_recent group by 1, 2) recent)));
end
$$;

comment on function private.webhook_metrics() is
  'Attempts and requests since the first: those that are rolled up, and the audit rows of the minutes that are not; and those of the last 15 minutes.';
revoke all on function private.webhook_metrics() from public, anon, authenticated, service_role;

-- Also limits the number of examined deliveries: a plan that matches few of many must not read them all for each slice.
create or replace function private.planned_deliveries(
  p_kind text, p_filter jsonb, p_until timestamptz, p_after jsonb, p_examined int, p_limit int,
  out ids bigint[], out examined int, out last jsonb)
returns record
language plpgsql stable set search_path = '' as $$
declare
  -- Each order has an index. Dead letters are sorted by dead_at, since they may be of any age.
  v_time text := case p_kind when 'redrive' then 'dead_at' else 'created_at' end;
  v_open text := case p_kind when 'redrive' then 'dead_at is not null' else $q$status not in ('success', 'superseded', 'cancelled')$q$ end;
begin
  execute format($query$
    with deliveries as materialized (
      select id, event_id, %1$I as at, created_at, dead_at, endpoint_id, report_type, dead_reason,
        case when dead_at is null then status else 'dead' end as status,
        response ->> 'status' as response_status, response ->> 'error' as error, private.is_planned(delivery, $1, $3) as is_planned
      from public.webhook_deliveries delivery
      where %2$s and %1$I <= $3
        and (%1$I, id) > (coalesce(($4 ->> 'at')::timestamptz, '-infinity'), coalesce(($4 ->> 'id')::bigint, 0))
        and ($2 -> 'event_ids' is null or event_id = any (array(select jsonb_array_elements_text($2 -> 'event_ids'))))
      order by %1$I, id
      limit $5
    ), matching as materialized (
      select id, at from deliveries
      where is_planned
        and ($2 -> 'status' is null or status = $2 ->> 'status')
        and ($2 -> 'report_type' is null or report_type = $2 ->> 'report_type')
        -- One look-up by key for each delivery: a subquery with `exists` could read the whole table of events instead.
        and ($2 -> 'stage' is null
          or (select stage from public.report_events event where event.id = deliveries.event_id) = $2 ->> 'stage')
        and ($2 -> 'endpoint_id' is null or endpoint_id = $2 ->> 'endpoint_id')
        and ($2 -> 'dead_reason' is null or dead_reason = $2 ->> 'dead_reason')
        and ($2 -> 'created_after' is null or created_at >= ($2 ->> 'created_after')::timestamptz)
        and ($2 -> 'created_before' is null or created_at < ($2 ->> 'created_before')::timestamptz)
        and ($2 -> 'dead_after' is null or dead_at >= ($2 ->> 'dead_after')::timestamptz)
        and ($2 -> 'dead_before' is null or dead_at < ($2 ->> 'dead_before')::timestamptz)
        and ($2 -> 'response_status' is null or error is not null and coalesce(response_status, 'none') = $2 ->> 'response_status')
        and ($2 -> 'error' is null or strpos(lower(error), lower($2 ->> 'error')) > 0)
        and ($2 -> 'cause' is null or private.cause_of(error) = $2 ->> 'cause')
      order by at, id
      limit $6
    )
    select coalesce((select array_agg(id) from matching), '{}'), (select count(*)::int from deliveries), (
      select jsonb_build_object('at', at, 'id', id)
      -- A full slice ends at its last match: deliveries examined beyond it are examined again.
      from (
        (select at, id from matching where (select count(*) from matching) = $6 order by at desc, id desc limit 1)
        union all
        (select at, id from deliveries where (select count(*) from matching) < $6 order by at desc, id desc limit 1)) ends)
    $query$, v_time, v_open)
  into ids, examined, last
  using p_kind, p_filter, p_until, p_after, p_examined, p_limit;
end
$$;

comment on function private.planned_deliveries(text, jsonb, timestamptz, jsonb, int, int) is
  'Of up to p_examined deliveries after p_after, oldest first, up to p_limit that a plan of this kind and filter is about: their ids, how many were looked at, and the p_after of the next call.';
revoke all on function private.planned_deliveries(text, jsonb, timestamptz, jsonb, int, int) from public, anon, authenticated, service_role;

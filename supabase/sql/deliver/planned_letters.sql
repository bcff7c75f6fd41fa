-- A plan of few among many dead letters must not read them all for each slice, so the number that is looked at is limited too.
create or replace function private.planned_letters(
  p_filter jsonb, p_until timestamptz, p_after jsonb, p_examined int, p_limit int,
  out ids bigint[], out examined int, out last jsonb)
returns record
language plpgsql stable set search_path = '' as $$
begin
  with letters as materialized (
    select id, dead_at, endpoint_id, report_type, dead_reason, response ->> 'status' as status, response ->> 'error' as error
    from public.webhook_deliveries
    where dead_at is not null and dead_at <= p_until
      and (dead_at, id) > (
        coalesce((p_after ->> 'at')::timestamptz, '-infinity'), coalesce((p_after ->> 'id')::bigint, 0))
      and (p_filter -> 'event_ids' is null
        or event_id = any (array(select jsonb_array_elements_text(p_filter -> 'event_ids'))))
    order by dead_at, id
    limit p_examined
  ), matching as materialized (
    select id, dead_at from letters
    where not private.is_closed(dead_reason)
      and (p_filter -> 'report_type' is null or report_type = p_filter ->> 'report_type')
      and (p_filter -> 'endpoint_id' is null or endpoint_id = p_filter ->> 'endpoint_id')
      and (p_filter -> 'dead_reason' is null or dead_reason = p_filter ->> 'dead_reason')
      and (p_filter -> 'dead_after' is null or dead_at >= (p_filter ->> 'dead_after')::timestamptz)
      and (p_filter -> 'dead_before' is null or dead_at < (p_filter ->> 'dead_before')::timestamptz)
      and (p_filter -> 'response_status' is null or coalesce(status, 'none') = p_filter ->> 'response_status')
      and (p_filter -> 'error' is null or strpos(lower(error), lower(p_filter ->> 'error')) > 0)
      and (p_filter -> 'cause' is null or private.cause_of(error) = p_filter ->> 'cause')
    order by dead_at, id
    limit p_limit
  )
  select coalesce((select array_agg(id) from matching), '{}'), (select count(*)::int from letters), (
    select jsonb_build_object('at', dead_at, 'id', id)
    -- A full slice ends at its last match; what was looked at beyond comes again.
    from (
      (select dead_at, id from matching where (select count(*) from matching) = p_limit order by dead_at desc, id desc limit 1)
      union all
      (select dead_at, id from letters where (select count(*) from matching) < p_limit order by dead_at desc, id desc limit 1)) ends)
  into ids, examined, last;
end
$$;

comment on function private.planned_letters(jsonb, timestamptz, jsonb, int, int) is
  'Of up to p_examined dead letters after p_after, oldest first, up to p_limit that match: their ids, how many were looked at, and the p_after of the next call. Closed ones never match.';
revoke all on function private.planned_letters(jsonb, timestamptz, jsonb, int, int) from public, anon, authenticated, service_role;

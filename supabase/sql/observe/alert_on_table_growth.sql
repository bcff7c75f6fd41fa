create or replace function private.alert_on_table_growth(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select present.table_name, round(100.0 * (present.bytes - past.bytes) / greatest(past.bytes, 1)),
    greatest(present.row_estimate - past.row_estimate, 0),
    jsonb_build_object('megabytes', present.bytes / 1048576, 'megabytes_before', past.bytes / 1048576,
      'rows', present.row_estimate, 'rows_before', past.row_estimate, 'compared_with', private.iso_time(past.at))
  from private.our_table_sizes() present
  cross join lateral (
    select size.at, size.bytes, size.row_estimate from private.table_sizes size
    where size.table_name = present.table_name and size.at <= now() - p_rule.lookback
    order by size.at desc limit 1) past
  where present.bytes - past.bytes >= p_rule.minimum * 1048576::bigint
    and 100.0 * (present.bytes - past.bytes) > p_rule.threshold * past.bytes
$$;

comment on function private.alert_on_table_growth(private.alert_rules) is
  'Tables that grew by more than this share, in percent, and by at least so many megabytes.';
revoke all on function private.alert_on_table_growth(private.alert_rules) from public, anon, authenticated, service_role;

-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.import_reports(p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_type public.report_types;
  v_report_id uuid;
  v_imported int := 0;
  -- Writers of the batch's reports wait for its end, and texts may be large: a report of 10 MB takes half a second. Without
  -- this limit, a batch could reach the time-out of REST, and each sweep would repeat it without effect.
  v_deadline timestamptz := clock_timestamp() + interval '1 second';
  v_is_cancelled boolean := false;
begin
  for v_type in select * from public.report_types loop
    exit when v_imported >= p_limit or v_is_cancelled or clock_timestamp() > v_deadline;
    for v_report_id in
      execute format(
        'select report.id from private.reports_to_import marker
         join public.%I report on report.id = marker.report_id
         where marker.report_type = $1 order by marker.failed_at nulls first, marker.report_id limit $2
         for no key update of report skip locked',
        v_type.table_name)
      using v_type.report_type, p_limit - v_imported
    loop
      begin
        perform private.import_report(v_type.report_type, v_report_id);
        v_imported := v_imported + 1;
      exception when query_canceled or others then
        -- One failing report does not stop the others, and is tried last. One that used up the time of the whole call must be
        -- marked too, or it would be the first again.
        v_is_cancelled := sqlstate = '57014';
        update private.reports_to_import set failed_at = now(), error = sqlerrm
        where report_type = v_type.report_type and report_id = v_report_id;
      end;
      exit when v_is_cancelled or clock_timestamp() > v_deadline;
    end loop;
    if not found then
      -- Markers of deleted reports.
      execute format(
        'delete from private.reports_to_import marker
         where report_type = $1 and not exists (select from public.%I report where report.id = marker.report_id)',
        v_type.table_name)
      using v_type.report_type;
    end if;
  end loop;
  return jsonb_build_object('imported', v_imported, 'left', (select count(*) from private.reports_to_import));
end
$$;

comment on function public.import_reports(int) is
  'Imports up to p_limit reports from before the events, for about a second, skipping those that others hold. Returns {imported, left}.';
revoke all on function public.import_reports(int) from public, anon, authenticated, service_role;
grant execute on function public.import_reports(int) to service_role;

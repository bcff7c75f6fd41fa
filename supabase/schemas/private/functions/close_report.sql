CREATE OR REPLACE FUNCTION private.close_report()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  -- The report's row is gone already, so a delivery that another process holds is left to it: applying its event, that
  -- process finds the report gone and closes it. Waiting here would turn the order of locks around.
  perform private.close_delivery(event_id) from (
    select event_id from public.webhook_deliveries
    where report_id = old.id and report_type = tg_argv[0] and status <> 'success'
    for update skip locked) open;
  update public.report_jobs
  set status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = null, completed_at = now(),
    error = 'The report was deleted.', updated_at = now()
  where report_id = old.id and report_type = tg_argv[0] and status in ('queued', 'running');
  return null;
end $function$;

COMMENT ON FUNCTION "private"."close_report"() IS 'Deleting a report closes its deliveries and cancels its jobs.';

REVOKE ALL ON FUNCTION "private"."close_report"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."close_report"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."close_report"() TO "postgres";

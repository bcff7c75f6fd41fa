CREATE OR REPLACE FUNCTION private.show_delivery()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  -- Statements see what was committed before they began: the question below must be one that begins after this lock.
  if not private.lock_report(new.report_type, new.report_id) then
    perform private.close_delivery(new.event_id);
    return null;
  end if;
  if exists (
    select from public.webhook_deliveries later
    where later.report_id = new.report_id and later.report_type = new.report_type and later.id > new.id)
  then
    return null;
  end if;
  execute format(
    'update public.%I set webhook_status = $1, webhook_attempts = $2, webhook_last_attempt = $3,
       webhook_response = $4, webhook_job_id = $5 where id = $6',
    private.report_table(new.report_type))
  using new.status, new.attempts, new.last_attempt, new.response, new.job_id, new.report_id;
  return null;
end $function$;

COMMENT ON FUNCTION "private"."show_delivery"() IS 'A report''s webhook columns are the state of its latest delivery; without a report, a delivery is closed.';

REVOKE ALL ON FUNCTION "private"."show_delivery"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."show_delivery"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."show_delivery"() TO "postgres";

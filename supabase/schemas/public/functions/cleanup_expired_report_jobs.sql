CREATE OR REPLACE FUNCTION public.cleanup_expired_report_jobs()
  RETURNS void
  LANGUAGE sql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  delete from public.report_jobs where expires_at < now()
$function$;

GRANT EXECUTE ON FUNCTION "public"."cleanup_expired_report_jobs"() TO "service_role";

REVOKE ALL ON FUNCTION "public"."cleanup_expired_report_jobs"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."cleanup_expired_report_jobs"() TO "postgres";

REVOKE ALL ON FUNCTION "public"."cleanup_expired_report_jobs"() FROM PUBLIC, "anon", "authenticated";

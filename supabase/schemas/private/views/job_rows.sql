CREATE VIEW "private"."job_rows" WITH (security_invoker=true) AS  SELECT id,
    job_id,
    report_type,
    report_id,
    user_id,
    stage,
    status,
    percent,
    eta_seconds,
    error,
    event_id,
    take_overs,
    created_at,
    started_at,
    completed_at
   FROM public.report_jobs;

GRANT SELECT ON TABLE "private"."job_rows" TO "authenticated";

COMMENT ON VIEW "private"."job_rows" IS 'A job in a list: without its prompt and its result.';

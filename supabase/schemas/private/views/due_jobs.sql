CREATE VIEW "private"."due_jobs" AS  SELECT id,
    job_id,
    user_id,
    summary_id,
    status,
    model,
    prompt,
    temperature,
    max_tokens,
    result,
    error,
    percent,
    eta_seconds,
    idempotency_key,
    metadata,
    created_at,
    updated_at,
    started_at,
    completed_at,
    expires_at,
    report_type,
    report_id,
    stage,
    caller,
    caller_key,
    request_digest,
    generate,
    lease_token,
    lease_expires_at,
    take_overs,
    event_id
   FROM public.report_jobs
  WHERE ((status = ANY (ARRAY['queued'::text, 'running'::text])) AND (report_id IS NOT NULL) AND
        CASE
            WHEN generate THEN (lease_expires_at < now())
            ELSE (expires_at < now())
        END);

COMMENT ON VIEW "private"."due_jobs" IS 'Jobs whose runner is silent, and jobs whose result did not come from elsewhere in time.';

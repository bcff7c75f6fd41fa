CREATE VIEW "private"."due_deliveries" AS  SELECT id,
    event_id,
    webhook_type,
    report_type,
    report_id,
    job_id,
    status,
    attempts,
    counted_on_arrival,
    rounds,
    last_attempt,
    next_attempt,
    dead_at,
    dead_reason,
    response,
    lease_token,
    lease_expires_at,
    created_at
   FROM public.webhook_deliveries
  WHERE ((status <> 'success'::text) AND (dead_at IS NULL) AND (next_attempt <= now()) AND ((lease_expires_at IS NULL) OR (lease_expires_at < now())));

COMMENT ON VIEW "private"."due_deliveries" IS 'What a sweep takes from and get_failed_webhooks() lists; also what a process that died has left behind.';

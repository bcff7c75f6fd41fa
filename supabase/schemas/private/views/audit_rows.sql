CREATE VIEW "private"."audit_rows" WITH (security_invoker=true) AS  SELECT audit.id,
    audit.created_at,
    audit.direction,
    audit.webhook_type,
    (audit.request_payload ->> 'endpoint'::text) AS endpoint,
    audit.outcome,
    audit.response_status,
    type.report_type,
    audit.report_id,
    audit.job_id,
    audit.event_id,
    audit.attempt_number,
    audit.duration_ms,
    audit.error_message,
    audit.actor
   FROM (public.webhook_audit audit
     LEFT JOIN public.report_types type ON ((type.table_name = audit.report_table)));

GRANT SELECT ON TABLE "private"."audit_rows" TO "authenticated";

COMMENT ON VIEW "private"."audit_rows" IS 'A row of the audit in a list: without payload and answer.';

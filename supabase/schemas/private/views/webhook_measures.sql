CREATE VIEW "private"."webhook_measures" WITH (security_invoker=true) AS  SELECT audit.created_at,
    audit.direction,
    type.report_type,
    audit.outcome,
        CASE
            WHEN (audit.duration_ms IS NOT NULL) THEN (ceil((ln((GREATEST(audit.duration_ms, 0.01))::double precision) / ln((1.05)::double precision))))::integer
            ELSE NULL::integer
        END AS bucket
   FROM (public.webhook_audit audit
     LEFT JOIN public.report_types type ON ((type.table_name = audit.report_table)))
  WHERE ((audit.outcome IS NOT NULL) AND ((audit.direction = 'out'::text) OR ((audit.actor IS NULL) AND (audit.webhook_type IS NOT NULL))));

GRANT SELECT ON TABLE "private"."webhook_measures" TO "authenticated";

COMMENT ON VIEW "private"."webhook_measures" IS 'What counts: attempts, and requests of senders to the webhook endpoints. Not what operators and the cron asked for.';

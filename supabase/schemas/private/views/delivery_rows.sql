CREATE VIEW "private"."delivery_rows" WITH (security_invoker=true) AS  SELECT delivery.id,
    delivery.event_id,
    delivery.job_id,
    delivery.report_type,
    delivery.report_id,
    delivery.webhook_type,
    split_part(delivery.webhook_type, '-'::text, 1) AS stage,
    delivery.status,
    delivery.attempts,
    delivery.created_at,
    delivery.last_attempt,
    delivery.next_attempt,
    delivery.dead_at,
    delivery.dead_reason,
    (delivery.response ->> 'error'::text) AS error,
        CASE
            WHEN ((delivery.response ->> 'status'::text) ~ '^[1-5][0-9]{2}$'::text) THEN ((delivery.response ->> 'status'::text))::integer
            ELSE NULL::integer
        END AS response_status,
    "left"((delivery.response ->> 'response'::text), 500) AS response_excerpt,
    event.channel,
    event.effect
   FROM (public.webhook_deliveries delivery
     JOIN public.report_events event ON ((event.id = delivery.event_id)));

GRANT SELECT ON TABLE "private"."delivery_rows" TO "authenticated";

COMMENT ON VIEW "private"."delivery_rows" IS 'A delivery, what came of its last attempt, and what its event has done.';

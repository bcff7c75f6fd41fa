CREATE TABLE "public"."webhook_circuits" (
  "webhook_type"           text                     NOT NULL,
  "opened_at"              timestamp with time zone,
  "closed_at"              timestamp with time zone NOT NULL DEFAULT now(),
  "probe_after"            timestamp with time zone,
  "probe_delivery_id"      bigint,
  "probe_token"            bigint,
  "probe_lease_expires_at" timestamp with time zone,
  CONSTRAINT "webhook_circuits_check" CHECK (((opened_at IS NULL) = (probe_after IS NULL))),
  CONSTRAINT "webhook_circuits_pkey" PRIMARY KEY (webhook_type),
  CONSTRAINT "webhook_circuits_webhook_type_check" CHECK ((webhook_type = ANY (ARRAY['prelim-report'::text, 'final-report'::text])))
);

ALTER TABLE "public"."webhook_circuits"
  ENABLE ROW LEVEL SECURITY;

CREATE POLICY "operators read" ON "public"."webhook_circuits"
  FOR SELECT
  TO "authenticated"
  USING (( SELECT private.is_operator() AS is_operator));

COMMENT ON COLUMN "public"."webhook_circuits"."closed_at" IS 'Attempts before this say nothing about the endpoint any more.';

COMMENT ON COLUMN "public"."webhook_circuits"."opened_at" IS 'Null: closed. Else open until probe_after, and half-open from then on.';

COMMENT ON COLUMN "public"."webhook_circuits"."probe_lease_expires_at" IS 'Until then the probe is under way; a prober that died loses it.';

COMMENT ON TABLE "public"."webhook_circuits" IS 'The circuit breaker, one row per endpoint. Written only when it opens, probes or closes.';

REVOKE ALL ON TABLE "public"."webhook_circuits" FROM "authenticated";

GRANT SELECT ON TABLE "public"."webhook_circuits" TO "authenticated";

REVOKE ALL ON TABLE "public"."webhook_circuits" FROM "anon", "service_role";

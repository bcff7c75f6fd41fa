CREATE TABLE "public"."webhook_refusals" (
  "minute"   timestamp with time zone NOT NULL,
  "requests" bigint                   NOT NULL,
  CONSTRAINT "webhook_refusals_pkey" PRIMARY KEY (minute)
);

ALTER TABLE "public"."webhook_refusals"
  ENABLE ROW LEVEL SECURITY;

CREATE POLICY "operators read" ON "public"."webhook_refusals"
  FOR SELECT
  TO "authenticated"
  USING (( SELECT private.is_operator() AS is_operator));

COMMENT ON TABLE "public"."webhook_refusals" IS 'Unverified requests a minute: beyond a cap they are counted here only, so that strangers cannot fill the audit.';

REVOKE ALL ON TABLE "public"."webhook_refusals" FROM "authenticated";

GRANT SELECT ON TABLE "public"."webhook_refusals" TO "authenticated";

REVOKE ALL ON TABLE "public"."webhook_refusals" FROM "anon", "service_role";

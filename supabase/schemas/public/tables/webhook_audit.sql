CREATE TABLE "public"."webhook_audit" (
  "id"              uuid                     NOT NULL DEFAULT gen_random_uuid(),
  "webhook_type"    text,
  "job_id"          text,
  "report_id"       uuid,
  "report_table"    text,
  "request_payload" jsonb,
  "response_status" integer,
  "response_body"   jsonb,
  "error_message"   text,
  "attempt_number"  integer                  DEFAULT 1,
  "created_at"      timestamp with time zone NOT NULL DEFAULT now(),
  "direction"       text                     NOT NULL DEFAULT 'in'::text,
  "event_id"        text,
  "outcome"         text,
  "body_sha256"     text,
  "body_bytes"      integer,
  "duration_ms"     numeric(12,3),
  "actor"           text,
  CONSTRAINT "webhook_audit_direction_check" CHECK ((direction = ANY (ARRAY['in'::text, 'out'::text]))),
  CONSTRAINT "webhook_audit_pkey" PRIMARY KEY (id),
  CONSTRAINT "webhook_audit_webhook_type_check" CHECK ((webhook_type = ANY (ARRAY['prelim-report'::text, 'final-report'::text])))
);

ALTER TABLE "public"."webhook_audit"
  ENABLE ROW LEVEL SECURITY;

CREATE INDEX webhook_audit_attempts ON public.webhook_audit USING btree (webhook_type, created_at) INCLUDE (outcome)
  WHERE (direction = 'out'::text);

CREATE INDEX webhook_audit_created_at ON public.webhook_audit USING btree (created_at DESC, id DESC);

CREATE INDEX webhook_audit_event ON public.webhook_audit USING btree (event_id, created_at DESC);

CREATE INDEX webhook_audit_job ON public.webhook_audit USING btree (job_id, created_at DESC);

CREATE INDEX webhook_audit_outcome ON public.webhook_audit USING btree (outcome, created_at DESC, id DESC)
  WHERE (outcome <> ALL (ARRAY['applied'::text, 'delivered'::text]));

CREATE INDEX webhook_audit_report ON public.webhook_audit USING btree (report_id, created_at DESC);

CREATE INDEX webhook_audit_response_status ON public.webhook_audit USING btree (response_status, created_at DESC, id DESC)
  WHERE ((response_status <> 200) OR (response_status IS NULL));

CREATE TRIGGER keep_audit_whole
  BEFORE TRUNCATE ON public.webhook_audit
  FOR EACH STATEMENT
  EXECUTE FUNCTION private.keep_audit();

CREATE TRIGGER keep_audit
  BEFORE DELETE OR UPDATE ON public.webhook_audit
  FOR EACH ROW
  EXECUTE FUNCTION private.keep_audit();

CREATE POLICY "operators read" ON "public"."webhook_audit"
  FOR SELECT
  TO "authenticated"
  USING (( SELECT private.is_operator() AS is_operator));

COMMENT ON COLUMN "public"."webhook_audit"."actor" IS '`cron`, or the id of the operator who asked. Null: a sender.';

COMMENT ON COLUMN "public"."webhook_audit"."request_payload" IS 'The envelope without the report''s text.';

COMMENT ON TABLE "public"."webhook_audit" IS 'Every attempt, and every request to a webhook or retry endpoint. Append-only, retention aside.';

REVOKE ALL ON TABLE "public"."webhook_audit" FROM "authenticated";

GRANT SELECT ON TABLE "public"."webhook_audit" TO "authenticated";

REVOKE ALL ON TABLE "public"."webhook_audit" FROM "anon", "service_role";

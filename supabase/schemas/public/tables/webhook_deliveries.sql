CREATE TABLE "public"."webhook_deliveries" (
  "id"                 bigint                   GENERATED ALWAYS AS IDENTITY NOT NULL,
  "event_id"           text                     NOT NULL,
  "webhook_type"       text                     NOT NULL,
  "report_type"        text                     NOT NULL,
  "report_id"          uuid                     NOT NULL,
  "job_id"             text,
  "status"             text                     NOT NULL DEFAULT 'pending'::text,
  "attempts"           integer                  NOT NULL DEFAULT 0,
  "counted_on_arrival" boolean                  NOT NULL DEFAULT false,
  "rounds"             integer                  NOT NULL DEFAULT 0,
  "last_attempt"       timestamp with time zone,
  "next_attempt"       timestamp with time zone DEFAULT now(),
  "dead_at"            timestamp with time zone,
  "dead_reason"        text,
  "response"           jsonb                    NOT NULL DEFAULT '{}'::jsonb,
  "lease_token"        bigint                   NOT NULL DEFAULT 0,
  "lease_expires_at"   timestamp with time zone,
  "created_at"         timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT "webhook_deliveries_check1" CHECK (((dead_at IS NULL) OR (status = 'failed'::text))),
  CONSTRAINT "webhook_deliveries_check2" CHECK (((status <> 'success'::text) OR (next_attempt IS NULL))),
  CONSTRAINT "webhook_deliveries_check" CHECK (((dead_at IS NULL) = (dead_reason IS NULL))),
  CONSTRAINT "webhook_deliveries_dead_reason_check" CHECK ((dead_reason = ANY (ARRAY['attempts_exhausted'::text, 'refused'::text, 'report_deleted'::text, 'import'::text]))),
  CONSTRAINT "webhook_deliveries_event_id_fkey" FOREIGN KEY (event_id) REFERENCES public.report_events(id),
  CONSTRAINT "webhook_deliveries_event_id_key" UNIQUE (event_id),
  CONSTRAINT "webhook_deliveries_pkey" PRIMARY KEY (id),
  CONSTRAINT "webhook_deliveries_report_type_fkey" FOREIGN KEY (report_type) REFERENCES public.report_types(report_type),
  CONSTRAINT "webhook_deliveries_status_check" CHECK ((status = ANY (ARRAY['pending'::text, 'sent'::text, 'success'::text, 'failed'::text, 'retrying'::text]))),
  CONSTRAINT "webhook_deliveries_webhook_type_check" CHECK ((webhook_type = ANY (ARRAY['prelim-report'::text, 'final-report'::text])))
);

ALTER TABLE "public"."webhook_deliveries"
  ENABLE ROW LEVEL SECURITY;

CREATE INDEX webhook_deliveries_dead ON public.webhook_deliveries USING btree (dead_at, id)
  WHERE (dead_at IS NOT NULL);

CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (next_attempt, id)
  WHERE ((status <> 'success'::text) AND (dead_at IS NULL));

CREATE INDEX webhook_deliveries_open ON public.webhook_deliveries USING btree (created_at DESC, id DESC)
  WHERE (status <> 'success'::text);

CREATE INDEX webhook_deliveries_report ON public.webhook_deliveries USING btree (report_id, report_type, id DESC);

CREATE TRIGGER show_delivery
  AFTER INSERT OR UPDATE ON public.webhook_deliveries
  FOR EACH ROW
  EXECUTE FUNCTION private.show_delivery();

CREATE POLICY "operators read" ON "public"."webhook_deliveries"
  FOR SELECT
  TO "authenticated"
  USING (( SELECT private.is_operator() AS is_operator));

COMMENT ON COLUMN "public"."webhook_deliveries"."attempts" IS 'POSTs made.';

COMMENT ON COLUMN "public"."webhook_deliveries"."counted_on_arrival" IS 'The endpoint counted one POST of the present round when it arrived; the sender''s record leaves that one out.';

COMMENT ON COLUMN "public"."webhook_deliveries"."lease_token" IS 'Fencing token: raised by every claim.';

COMMENT ON COLUMN "public"."webhook_deliveries"."rounds" IS 'Recorded rounds that failed: the place in the durable schedule.';

COMMENT ON TABLE "public"."webhook_deliveries" IS 'The outbox: the duty to bring one event to its endpoint.';

REVOKE ALL ON TABLE "public"."webhook_deliveries" FROM "authenticated";

GRANT SELECT ON TABLE "public"."webhook_deliveries" TO "authenticated";

REVOKE ALL ON TABLE "public"."webhook_deliveries" FROM "anon", "service_role";

REVOKE ALL ON SEQUENCE "public"."webhook_deliveries_id_seq" FROM "anon";

REVOKE ALL ON SEQUENCE "public"."webhook_deliveries_id_seq" FROM "authenticated";

REVOKE ALL ON SEQUENCE "public"."webhook_deliveries_id_seq" FROM "service_role";

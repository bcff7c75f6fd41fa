CREATE TABLE "public"."report_events" (
  "id"                text                        NOT NULL,
  "type"              text                        NOT NULL,
  "report_type"       text                        NOT NULL,
  "report_id"         uuid                        NOT NULL,
  "stage"             text                        NOT NULL,
  "status"            text                        GENERATED ALWAYS AS (
CASE
    WHEN (TYPE ~~ '%.failed'::text) THEN 'failed'::text
    ELSE 'completed'::text
END) STORED NOT NULL,
  "job_id"            text,
  "requested_at"      timestamp(3) with time zone NOT NULL,
  "digest"            text                        NOT NULL,
  "research_report"   text,
  "research_metadata" jsonb,
  "final_data"        jsonb,
  "error"             text,
  "channel"           text,
  "effect"            text,
  "applied_at"        timestamp with time zone,
  "created_at"        timestamp with time zone    NOT NULL DEFAULT now(),
  "pruned_at"         timestamp with time zone,
  CONSTRAINT "report_events_channel_check" CHECK ((channel = ANY (ARRAY['webhook'::text, 'direct'::text, 'owner'::text, 'import'::text]))),
  CONSTRAINT "report_events_check" CHECK ((((effect IS NULL) = (channel IS NULL)) AND ((effect IS NULL) = (applied_at IS NULL)))),
  CONSTRAINT "report_events_effect_check" CHECK ((effect = ANY (ARRAY['applied'::text, 'superseded'::text]))),
  CONSTRAINT "report_events_id_check" CHECK ((id ~ '^[A-Za-z0-9_-]{1,128}$'::text)),
  CONSTRAINT "report_events_pkey" PRIMARY KEY (id),
  CONSTRAINT "report_events_stage_check" CHECK ((stage = ANY (ARRAY['prelim'::text, 'final'::text]))),
  CONSTRAINT "report_events_type_check"
    CHECK
    ((type = ANY (ARRAY['report.prelim.completed'::text, 'report.prelim.failed'::text, 'report.final.completed'::text, 'report.final.failed'::text, 'report.owner.edited'::text]))),
  CONSTRAINT "report_events_report_type_fkey" FOREIGN KEY (report_type) REFERENCES public.report_types(report_type)
);

ALTER TABLE "public"."report_events"
  ENABLE ROW LEVEL SECURITY;

CREATE UNIQUE INDEX report_events_job ON public.report_events USING btree (job_id)
  WHERE (job_id IS NOT NULL);

CREATE INDEX report_events_prunable ON public.report_events USING btree (created_at)
  WHERE ((effect = 'superseded'::text) AND (pruned_at IS NULL));

CREATE INDEX report_events_report ON public.report_events USING btree (report_id, report_type, requested_at DESC);

CREATE INDEX report_events_without_effect ON public.report_events USING btree (created_at)
  WHERE (effect IS NULL);

CREATE TRIGGER keep_event
  BEFORE DELETE OR UPDATE ON public.report_events
  FOR EACH ROW
  EXECUTE FUNCTION private.keep_event();

CREATE POLICY "operators read" ON "public"."report_events"
  FOR SELECT
  TO "authenticated"
  USING (( SELECT private.is_operator() AS is_operator));

COMMENT ON COLUMN "public"."report_events"."channel" IS 'Who applied it first.';

COMMENT ON COLUMN "public"."report_events"."digest" IS 'SHA-256 of the content in canonical form: type and data without its times.';

COMMENT ON COLUMN "public"."report_events"."effect" IS 'What applying it did. Null: known, not applied yet.';

COMMENT ON COLUMN "public"."report_events"."pruned_at" IS 'Its content was removed; id, digest and order stay.';

COMMENT ON COLUMN "public"."report_events"."requested_at" IS 'The order among events of a report: (stage, requested_at, id).';

COMMENT ON TABLE "public"."report_events" IS 'The immutable fact that a job finished. The one place besides the report row where a result''s content is stored.';

REVOKE ALL ON TABLE "public"."report_events" FROM "authenticated";

GRANT SELECT ON TABLE "public"."report_events" TO "authenticated";

REVOKE ALL ON TABLE "public"."report_events" FROM "anon", "service_role";

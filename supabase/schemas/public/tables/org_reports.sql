CREATE TABLE "public"."org_reports" (
  "id"              uuid  NOT NULL DEFAULT gen_random_uuid(),
  "summary_id"      uuid,
  "user_id"         uuid  NOT NULL,
  "user_data"       jsonb NOT NULL DEFAULT '{}'::jsonb,
  "research_report" text,
  CONSTRAINT "org_reports_pkey" PRIMARY KEY (id),
  CONSTRAINT "org_reports_user_id_fkey" FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE,
  CONSTRAINT "org_reports_summary_id_fkey" FOREIGN KEY (summary_id) REFERENCES public.polaris_summaries(id) ON DELETE SET NULL
);

ALTER TABLE "public"."org_reports"
  ENABLE ROW LEVEL SECURITY;

ALTER TABLE "public"."org_reports"
  ADD COLUMN "research_status" public.research_status NOT NULL DEFAULT 'pending'::public.research_status;

ALTER TABLE "public"."org_reports"
  ADD COLUMN "research_metadata" jsonb NOT NULL DEFAULT '{}'::jsonb;

ALTER TABLE "public"."org_reports"
  ADD COLUMN "created_at" timestamp WITH time zone NOT NULL DEFAULT now();

ALTER TABLE "public"."org_reports"
  ADD COLUMN "updated_at" timestamp WITH time zone NOT NULL DEFAULT now();

ALTER TABLE "public"."org_reports"
  ADD COLUMN "webhook_status" text DEFAULT 'pending'::text;

ALTER TABLE "public"."org_reports"
  ADD COLUMN "webhook_attempts" integer DEFAULT 0;

ALTER TABLE "public"."org_reports"
  ADD COLUMN "webhook_last_attempt" timestamp WITH time zone;

ALTER TABLE "public"."org_reports"
  ADD COLUMN "webhook_response" jsonb DEFAULT '{}'::jsonb;

ALTER TABLE "public"."org_reports"
  ADD COLUMN "webhook_job_id" text;

ALTER TABLE "public"."org_reports"
  ADD COLUMN "stage" text;

ALTER TABLE "public"."org_reports"
  ADD COLUMN "winner_event_id" text;

ALTER TABLE "public"."org_reports"
  ADD CONSTRAINT "org_reports_stage_check" CHECK ((stage = ANY (ARRAY['prelim'::text, 'final'::text])));

ALTER TABLE "public"."org_reports"
  ADD CONSTRAINT "org_reports_webhook_status_check" CHECK ((webhook_status = ANY (ARRAY['pending'::text, 'sent'::text, 'success'::text, 'failed'::text, 'retrying'::text])));

ALTER TABLE "public"."org_reports"
  ADD CONSTRAINT "org_reports_winner_event_id_fkey" FOREIGN KEY (winner_event_id) REFERENCES public.report_events(id) DEFERRABLE INITIALLY DEFERRED;

CREATE INDEX org_reports_created_at ON public.org_reports USING btree (created_at DESC, id DESC);

CREATE INDEX org_reports_summary_id ON public.org_reports USING btree (summary_id);

CREATE INDEX org_reports_user_id_created_at_idx ON public.org_reports USING btree (user_id, created_at DESC);

CREATE INDEX org_reports_webhook_job_id ON public.org_reports USING btree (webhook_job_id);

CREATE INDEX org_reports_webhook_status ON public.org_reports USING btree (webhook_status, webhook_last_attempt);

CREATE TRIGGER close_report
  AFTER DELETE ON public.org_reports
  FOR EACH ROW
  EXECUTE FUNCTION private.close_report('org');

CREATE TRIGGER guard_owner_write
  BEFORE INSERT OR UPDATE ON public.org_reports
  FOR EACH ROW
  WHEN ((CURRENT_USER = ANY (ARRAY['anon'::name, 'authenticated'::name])))
  EXECUTE FUNCTION private.guard_owner_write('org');

CREATE TRIGGER open_history
  AFTER INSERT ON public.org_reports
  FOR EACH ROW
  WHEN ((CURRENT_USER = ANY (ARRAY['anon'::name, 'authenticated'::name])))
  EXECUTE FUNCTION private.open_history('org');

CREATE POLICY "operators read" ON "public"."org_reports"
  FOR SELECT
  TO "authenticated"
  USING (( SELECT private.is_operator() AS is_operator));

CREATE POLICY "owners delete" ON "public"."org_reports"
  FOR DELETE
  TO "authenticated"
  USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "owners insert" ON "public"."org_reports"
  FOR INSERT
  TO "authenticated"
  WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "owners select" ON "public"."org_reports"
  FOR SELECT
  TO "authenticated"
  USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "owners update" ON "public"."org_reports"
  FOR UPDATE
  TO "authenticated"
  USING ((( SELECT auth.uid() AS uid) = user_id))
  WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

REVOKE ALL ON TABLE "public"."org_reports" FROM "authenticated";

GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE "public"."org_reports" TO "authenticated";

REVOKE ALL ON TABLE "public"."org_reports" FROM "service_role";

GRANT SELECT ON TABLE "public"."org_reports" TO "service_role";

REVOKE ALL ON TABLE "public"."org_reports" FROM "anon";

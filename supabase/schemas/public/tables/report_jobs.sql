CREATE TABLE "public"."report_jobs" (
  "id"               uuid                     NOT NULL DEFAULT gen_random_uuid(),
  "job_id"           text                     NOT NULL,
  "user_id"          uuid,
  "summary_id"       uuid,
  "status"           text                     NOT NULL DEFAULT 'queued'::text,
  "model"            text,
  "prompt"           text,
  "temperature"      numeric(3,2),
  "max_tokens"       integer,
  "result"           text,
  "error"            text,
  "percent"          integer                  DEFAULT 0,
  "eta_seconds"      integer,
  "idempotency_key"  text,
  "metadata"         jsonb                    DEFAULT '{}'::jsonb,
  "created_at"       timestamp with time zone NOT NULL DEFAULT now(),
  "updated_at"       timestamp with time zone NOT NULL DEFAULT now(),
  "started_at"       timestamp with time zone,
  "completed_at"     timestamp with time zone,
  "expires_at"       timestamp with time zone DEFAULT (now() + '7 days'::interval),
  "report_type"      text,
  "report_id"        uuid,
  "stage"            text,
  "caller"           text,
  "caller_key"       text,
  "request_digest"   text,
  "generate"         boolean                  NOT NULL DEFAULT true,
  "lease_token"      bigint                   NOT NULL DEFAULT 0,
  "lease_expires_at" timestamp with time zone,
  "take_overs"       integer                  NOT NULL DEFAULT 0,
  "event_id"         text,
  CONSTRAINT "report_jobs_job_id_key" UNIQUE (job_id),
  CONSTRAINT "report_jobs_percent_check" CHECK (((percent >= 0) AND (percent <= 100))),
  CONSTRAINT "report_jobs_pkey" PRIMARY KEY (id),
  CONSTRAINT "report_jobs_stage_check" CHECK ((stage = ANY (ARRAY['prelim'::text, 'final'::text]))),
  CONSTRAINT "report_jobs_status_check" CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text]))),
  CONSTRAINT "report_jobs_summary_id_fkey" FOREIGN KEY (summary_id) REFERENCES public.polaris_summaries(id) ON DELETE SET NULL,
  CONSTRAINT "report_jobs_user_id_fkey" FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE,
  CONSTRAINT "report_jobs_report_type_fkey" FOREIGN KEY (report_type) REFERENCES public.report_types(report_type)
);

ALTER TABLE "public"."report_jobs"
  ENABLE ROW LEVEL SECURITY;

CREATE UNIQUE INDEX report_jobs_caller_key ON public.report_jobs USING btree (caller, caller_key)
  WHERE (caller_key IS NOT NULL);

CREATE INDEX report_jobs_created_at ON public.report_jobs USING btree (created_at DESC, id DESC);

CREATE INDEX report_jobs_expires_at ON public.report_jobs USING btree (expires_at);

CREATE INDEX report_jobs_finished ON public.report_jobs USING btree (completed_at)
  WHERE (status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text]));

CREATE INDEX report_jobs_idempotency_key ON public.report_jobs USING btree (idempotency_key);

CREATE INDEX report_jobs_lease ON public.report_jobs USING btree (lease_expires_at)
  WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX report_jobs_owner ON public.report_jobs USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX report_jobs_report ON public.report_jobs USING btree (report_id, report_type, created_at DESC);

CREATE INDEX report_jobs_summary_id ON public.report_jobs USING btree (summary_id);

CREATE INDEX report_jobs_unfinished_by_caller ON public.report_jobs USING btree (caller)
  WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE POLICY "operators read" ON "public"."report_jobs"
  FOR SELECT
  TO "authenticated"
  USING (( SELECT private.is_operator() AS is_operator));

CREATE POLICY "owners delete" ON "public"."report_jobs"
  FOR DELETE
  TO "authenticated"
  USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "owners insert" ON "public"."report_jobs"
  FOR INSERT
  TO "authenticated"
  WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "owners select" ON "public"."report_jobs"
  FOR SELECT
  TO "authenticated"
  USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "owners update" ON "public"."report_jobs"
  FOR UPDATE
  TO "authenticated"
  USING ((( SELECT auth.uid() AS uid) = user_id))
  WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

COMMENT ON COLUMN "public"."report_jobs"."caller" IS '`pipeline`, or the id of the user who asked.';

COMMENT ON COLUMN "public"."report_jobs"."caller_key" IS 'The caller''s Idempotency-Key. The legacy column idempotency_key has duplicates and was shared between users.';

COMMENT ON COLUMN "public"."report_jobs"."event_id" IS 'The event that finished the job.';

COMMENT ON COLUMN "public"."report_jobs"."generate" IS 'False: the result is generated elsewhere and arrives by PATCH.';

COMMENT ON COLUMN "public"."report_jobs"."lease_token" IS 'Fencing token: raised whenever another runner takes the job, and shown by every completion.';

COMMENT ON COLUMN "public"."report_jobs"."request_digest" IS 'SHA-256 of the request: the same key with another body is a conflict.';

REVOKE ALL ON TABLE "public"."report_jobs" FROM "authenticated";

GRANT SELECT ON TABLE "public"."report_jobs" TO "authenticated";

REVOKE ALL ON TABLE "public"."report_jobs" FROM "anon", "service_role";

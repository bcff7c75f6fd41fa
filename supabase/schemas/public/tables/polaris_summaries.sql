CREATE TABLE "public"."polaris_summaries" (
  "id"                 uuid                     NOT NULL DEFAULT gen_random_uuid(),
  "user_id"            uuid                     NOT NULL,
  "company_name"       text,
  "summary_content"    text                     NOT NULL,
  "stage1_answers"     jsonb                    NOT NULL DEFAULT '{}'::jsonb,
  "stage2_answers"     jsonb                    NOT NULL DEFAULT '{}'::jsonb,
  "stage3_answers"     jsonb                    NOT NULL DEFAULT '{}'::jsonb,
  "stage2_questions"   jsonb                    NOT NULL DEFAULT '[]'::jsonb,
  "stage3_questions"   jsonb                    NOT NULL DEFAULT '[]'::jsonb,
  "created_at"         timestamp with time zone NOT NULL DEFAULT now(),
  "report_title"       text,
  "greeting_report"    text,
  "org_report"         text,
  "requirement_report" text,
  "prelim_report"      text,
  "edited_content"     text,
  "is_edited"          boolean                  DEFAULT false,
  "last_edited_at"     timestamp with time zone,
  CONSTRAINT "polaris_summaries_pkey" PRIMARY KEY (id),
  CONSTRAINT "polaris_summaries_user_id_fkey" FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE
);

ALTER TABLE "public"."polaris_summaries"
  ENABLE ROW LEVEL SECURITY;

CREATE INDEX polaris_summaries_user_id ON public.polaris_summaries USING btree (user_id);

CREATE POLICY "owners delete" ON "public"."polaris_summaries"
  FOR DELETE
  TO "authenticated"
  USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "owners insert" ON "public"."polaris_summaries"
  FOR INSERT
  TO "authenticated"
  WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "owners select" ON "public"."polaris_summaries"
  FOR SELECT
  TO "authenticated"
  USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "owners update" ON "public"."polaris_summaries"
  FOR UPDATE
  TO "authenticated"
  USING ((( SELECT auth.uid() AS uid) = user_id))
  WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

REVOKE ALL ON TABLE "public"."polaris_summaries" FROM "authenticated";

GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE "public"."polaris_summaries" TO "authenticated";

REVOKE ALL ON TABLE "public"."polaris_summaries" FROM "anon", "service_role";

CREATE TABLE "public"."operators" (
  "user_id"    uuid                     NOT NULL,
  "created_at" timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT "operators_pkey" PRIMARY KEY (user_id),
  CONSTRAINT "operators_user_id_fkey" FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE
);

ALTER TABLE "public"."operators"
  ENABLE ROW LEVEL SECURITY;

CREATE POLICY "people see themselves" ON "public"."operators"
  FOR SELECT
  TO "authenticated"
  USING ((user_id = ( SELECT auth.uid() AS uid)));

COMMENT ON TABLE "public"."operators" IS 'Who may watch, retry and redrive. Deleting a row revokes at once.';

REVOKE ALL ON TABLE "public"."operators" FROM "authenticated";

GRANT SELECT ON TABLE "public"."operators" TO "authenticated";

REVOKE ALL ON TABLE "public"."operators" FROM "anon", "service_role";

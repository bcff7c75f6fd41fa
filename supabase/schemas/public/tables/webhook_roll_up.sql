CREATE TABLE "public"."webhook_roll_up" (
  "only_row"        boolean                  NOT NULL DEFAULT true,
  "rolled_up_until" timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp WITH time zone,
  CONSTRAINT "webhook_roll_up_only_row_check" CHECK (only_row),
  CONSTRAINT "webhook_roll_up_pkey" PRIMARY KEY (only_row)
);

ALTER TABLE "public"."webhook_roll_up"
  ENABLE ROW LEVEL SECURITY;

CREATE POLICY "operators read" ON "public"."webhook_roll_up"
  FOR SELECT
  TO "authenticated"
  USING (( SELECT private.is_operator() AS is_operator));

COMMENT ON TABLE "public"."webhook_roll_up" IS 'One row: audit rows from before this time are counted, later ones are not.';

REVOKE ALL ON TABLE "public"."webhook_roll_up" FROM "authenticated";

GRANT SELECT ON TABLE "public"."webhook_roll_up" TO "authenticated";

REVOKE ALL ON TABLE "public"."webhook_roll_up" FROM "anon", "service_role";

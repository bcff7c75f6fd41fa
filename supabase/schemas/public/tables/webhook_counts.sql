CREATE TABLE "public"."webhook_counts" (
  "slot_minutes" integer                  NOT NULL,
  "slot"         timestamp with time zone NOT NULL,
  "direction"    text                     NOT NULL,
  "report_type"  text,
  "outcome"      text                     NOT NULL,
  "requests"     bigint                   NOT NULL,
  CONSTRAINT "webhook_counts_slot_minutes_check" CHECK ((slot_minutes = ANY (ARRAY[15, 120]))),
  CONSTRAINT "webhook_counts_slot_minutes_slot_direction_report_type_outc_key" UNIQUE NULLS NOT DISTINCT (slot_minutes, slot, direction, report_type, outcome)
);

ALTER TABLE "public"."webhook_counts"
  ENABLE ROW LEVEL SECURITY;

CREATE POLICY "operators read" ON "public"."webhook_counts"
  FOR SELECT
  TO "authenticated"
  USING (( SELECT private.is_operator() AS is_operator));

COMMENT ON COLUMN "public"."webhook_counts"."report_type" IS 'Null: a request that named none, as refused ones do.';

COMMENT ON COLUMN "public"."webhook_counts"."slot" IS 'Its beginning.';

COMMENT ON TABLE "public"."webhook_counts" IS 'Attempts and requests, by what came of them: in slots of 15 minutes, for the last day, and of 120, for the last week.';

REVOKE ALL ON TABLE "public"."webhook_counts" FROM "authenticated";

GRANT SELECT ON TABLE "public"."webhook_counts" TO "authenticated";

REVOKE ALL ON TABLE "public"."webhook_counts" FROM "anon", "service_role";

CREATE TABLE "public"."webhook_latencies" (
  "slot_minutes" integer                  NOT NULL,
  "slot"         timestamp with time zone NOT NULL,
  "direction"    text                     NOT NULL,
  "bucket"       integer                  NOT NULL,
  "requests"     bigint                   NOT NULL,
  CONSTRAINT "webhook_latencies_pkey" PRIMARY KEY (slot_minutes, slot, direction, bucket) INCLUDE (requests),
  CONSTRAINT "webhook_latencies_slot_minutes_check" CHECK ((slot_minutes = ANY (ARRAY[15, 120])))
);

ALTER TABLE "public"."webhook_latencies"
  ENABLE ROW LEVEL SECURITY;

CREATE POLICY "operators read" ON "public"."webhook_latencies"
  FOR SELECT
  TO "authenticated"
  USING (( SELECT private.is_operator() AS is_operator));

COMMENT ON COLUMN "public"."webhook_latencies"."bucket" IS 'Counts durations over 1.05^(bucket - 1) and up to 1.05^bucket milliseconds: 5 % wide, so that its middle is 2.5 % off at most.';

COMMENT ON TABLE "public"."webhook_latencies" IS 'How long they took, in the same slots.';

REVOKE ALL ON TABLE "public"."webhook_latencies" FROM "authenticated";

GRANT SELECT ON TABLE "public"."webhook_latencies" TO "authenticated";

REVOKE ALL ON TABLE "public"."webhook_latencies" FROM "anon", "service_role";

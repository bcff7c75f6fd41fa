CREATE TABLE "public"."report_types" (
  "report_type" text NOT NULL,
  "table_name"  text NOT NULL,
  CONSTRAINT "report_types_pkey" PRIMARY KEY (report_type),
  CONSTRAINT "report_types_report_type_check" CHECK ((report_type ~ '^[a-z][a-z_]{0,40}$'::text)),
  CONSTRAINT "report_types_table_name_key" UNIQUE (table_name)
);

ALTER TABLE "public"."report_types"
  ENABLE ROW LEVEL SECURITY;

CREATE POLICY "everyone reads" ON "public"."report_types"
  FOR SELECT
  TO "authenticated"
  USING (true);

COMMENT ON TABLE "public"."report_types" IS 'The one list of report types. To add one: create its table, then call private.add_report_type().';

REVOKE ALL ON TABLE "public"."report_types" FROM "authenticated";

GRANT SELECT ON TABLE "public"."report_types" TO "authenticated";

REVOKE ALL ON TABLE "public"."report_types" FROM "anon", "service_role";

CREATE TABLE "public"."report_notifications" (
  "id"          bigint                   GENERATED ALWAYS AS IDENTITY NOT NULL,
  "user_id"     uuid                     NOT NULL,
  "report_type" text                     NOT NULL,
  "report_id"   uuid                     NOT NULL,
  "event_id"    text                     NOT NULL,
  "created_at"  timestamp with time zone NOT NULL DEFAULT now(),
  "read_at"     timestamp with time zone,
  CONSTRAINT "report_notifications_event_id_fkey" FOREIGN KEY (event_id) REFERENCES public.report_events(id),
  CONSTRAINT "report_notifications_event_id_key" UNIQUE (event_id),
  CONSTRAINT "report_notifications_pkey" PRIMARY KEY (id),
  CONSTRAINT "report_notifications_user_id_fkey" FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE,
  CONSTRAINT "report_notifications_report_type_fkey" FOREIGN KEY (report_type) REFERENCES public.report_types(report_type)
);

ALTER TABLE "public"."report_notifications"
  ENABLE ROW LEVEL SECURITY;

CREATE INDEX report_notifications_user ON public.report_notifications USING btree (user_id, id DESC);

CREATE POLICY "owners mark as read" ON "public"."report_notifications"
  FOR UPDATE
  TO "authenticated"
  USING ((user_id = ( SELECT auth.uid() AS uid)))
  WITH CHECK ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY "owners read" ON "public"."report_notifications"
  FOR SELECT
  TO "authenticated"
  USING ((user_id = ( SELECT auth.uid() AS uid)));

COMMENT ON TABLE "public"."report_notifications" IS 'A completed final, told to the report''s owner: written with its effect.';

REVOKE ALL ON TABLE "public"."report_notifications" FROM "authenticated";

REVOKE ALL ("read_at") ON TABLE "public"."report_notifications" FROM "authenticated";

GRANT UPDATE ("read_at") ON TABLE "public"."report_notifications" TO "authenticated";

GRANT SELECT ON TABLE "public"."report_notifications" TO "authenticated";

REVOKE ALL ON TABLE "public"."report_notifications" FROM "anon", "service_role";

REVOKE ALL ON SEQUENCE "public"."report_notifications_id_seq" FROM "anon";

REVOKE ALL ON SEQUENCE "public"."report_notifications_id_seq" FROM "authenticated";

REVOKE ALL ON SEQUENCE "public"."report_notifications_id_seq" FROM "service_role";

-- Why: each notification locked the row of its report type. It is inserted with the type of its event, which is checked.

-- A migration of its own, so that it holds no other large table.
select private.drop_references('public.report_notifications', '{report_notifications_report_type_fkey}');

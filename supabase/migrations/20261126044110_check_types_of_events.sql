-- Why: each event locked the row of its report type. Many events at once wrote a multixact for each of them.

-- A migration of its own, so that it holds no other large table.
select private.drop_references('public.report_events', '{report_events_report_type_fkey}');
-- Not valid: the foreign key has checked the rows from before.
alter table public.report_events
  add constraint event_report_type_is_known check (private.report_table(report_type) is not null) not valid;

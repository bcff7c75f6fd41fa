-- Why: from here on, the texts of greeting reports are events. A migration for each report table, so that nobody waits for the
-- lock of another table.

select private.lock_table('greeting_reports');
select private.add_report_type('greeting', 'greeting_reports');
-- The lock is held until the end of this transaction: no report slips between.
insert into private.reports_to_import (report_type, report_id)
select 'greeting', id from public.greeting_reports report
where not exists (
  select from private.reports_to_import marker where marker.report_type = 'greeting' and marker.report_id = report.id);

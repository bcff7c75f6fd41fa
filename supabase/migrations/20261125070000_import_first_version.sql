-- Why: a database that ran the platform's first version has results, jobs and webhook states that no event explains. They
-- become events of channel `import`, so that everything after this finds one kind of history. A migration that did it would
-- block everybody for minutes: this one only marks the reports. Whoever first touches a marked report imports it in the same
-- transaction, and `npm run upgrade` and each sweep import the others in small batches.

select private.add_report_type('greeting', 'greeting_reports');
select private.add_report_type('org', 'org_reports');
select private.add_report_type('requirement', 'requirement_reports');

-- Creating the triggers has blocked writers until the end of this transaction: no report slips between.
insert into private.reports_to_import (report_type, report_id)
select 'greeting', id from public.greeting_reports
union all select 'org', id from public.org_reports
union all select 'requirement', id from public.requirement_reports;

-- Tells the sweep which accounts were deleted. The one trigger of ours on a table of Auth.
select private.watch_accounts();

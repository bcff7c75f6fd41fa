-- Why: a database that ran the platform's first version has results, jobs and webhook states that no event explains. They
-- become events of channel `import`, so that everything after this finds one kind of history. A migration that did it would
-- block everybody for minutes: this one only marks the reports. Whoever first touches a marked report imports it in the same
-- transaction, and `npm run upgrade` and each sweep import the others in small batches.

-- Reads without a lock, however many reports there are. The migrations after this mark those that come meanwhile.
select set_config('statement_timeout', '0', true);
insert into private.reports_to_import (report_type, report_id)
select 'greeting', id from public.greeting_reports
union all select 'org', id from public.org_reports
union all select 'requirement', id from public.requirement_reports;
-- They ask which reports are marked, and plan by these figures.
analyze private.reports_to_import;

-- Why: Operators find a report by words of its name. Where the table is large, npm run upgrade builds the index. A migration for each
-- report table, so that nobody waits for the lock of another table.

select private.lock_table('org_reports');
select from private.finish_table('org_reports', p_now => true);

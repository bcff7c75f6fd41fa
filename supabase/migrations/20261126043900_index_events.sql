-- Why: Operators find an event by the beginning of its id. Where the table is large, npm run upgrade builds the index.

select from private.finish_table('report_events', p_now => true);
select from private.finish_table('job_runs', p_now => true);

-- Why: Operators list jobs by state among millions. Where the table is large, npm run upgrade builds these indexes.

select from private.finish_table('job_runs', p_now => true);

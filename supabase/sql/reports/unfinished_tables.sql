create or replace view private.unfinished_tables with (security_invoker = true) as
  select tables.table_name, part.name, part.statement
  from (
    select table_name from public.report_types
    union all select unnest('{webhook_audit,webhook_deliveries,report_events,job_runs}'::text[])) tables
  cross join lateral private.finish_table(tables.table_name) part;

comment on view private.unfinished_tables is
  'Objects that npm run upgrade must still build on large tables.';
revoke all on private.unfinished_tables from anon, authenticated, service_role;

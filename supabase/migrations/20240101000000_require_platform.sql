-- Why: the numbers up to 20240101000014 are the platform's too, and a push records each file that it applies. On a project
-- without the platform's tables the push must stop before it records one of them: otherwise the platform's own migration of
-- that number would never be applied there. Where the tables stand, this file does nothing. A project that lives without the
-- platform says so: by the parameter polaris.alone, which only a superuser may set for a database, or by an empty schema
-- polaris_alone, which the owner of a hosted project may create.

do $migration$
declare
  v_missing text;
begin
  select string_agg(name, ', ' order by name) into v_missing
  from unnest(array['polaris_summaries', 'report_jobs', 'greeting_reports', 'org_reports', 'requirement_reports']) name
  where to_regclass('public.' || name) is null;
  if v_missing is not null
    and current_setting('polaris.alone', true) is distinct from 'on' and to_regnamespace('polaris_alone') is null then
    raise exception
      'This database lacks tables of the platform: %. Push the migrations of the platform first, then these. For a project that lives without the platform for good: create schema polaris_alone, then push again (docs/upgrading.md).',
      v_missing using errcode = 'undefined_table';
  end if;
end
$migration$;

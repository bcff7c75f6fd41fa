-- Why: a job shows when it started and ended. The trigger is the platform's. Where the platform lives, this file does nothing.

do $migration$
begin
  if current_setting('polaris.alone', true) is distinct from 'on' and to_regnamespace('polaris_alone') is null then
    if to_regclass('public.requirement_reports') is null then
      raise exception 'This database lacks tables of the platform. Push the migrations of the platform first, then these (docs/upgrading.md).'
        using errcode = 'undefined_table';
    end if;
    return;
  elsif to_regprocedure('public.update_report_jobs_updated_at()') is not null then
    return;
  end if;

  create function public.update_report_jobs_updated_at() returns trigger
  language plpgsql set search_path = '' as $function$
  begin
    new.updated_at := now();
    if new.status = 'running' and old.status <> 'running' then
      new.started_at := now();
    elsif new.status in ('succeeded', 'failed', 'cancelled') and old.status <> new.status then
      new.completed_at := now();
    end if;
    return new;
  end
  $function$;
  create trigger update_report_jobs_timestamp before update on public.report_jobs
    for each row execute function public.update_report_jobs_updated_at();
end
$migration$;

-- Why: finished jobs are of no use after a day. The function is the platform's. Where the platform lives, this file does
-- nothing.

do $migration$
begin
  if current_setting('polaris.alone', true) is distinct from 'on' and to_regnamespace('polaris_alone') is null then
    if to_regclass('public.requirement_reports') is null then
      raise exception 'This database lacks tables of the platform. Push the migrations of the platform first, then these (docs/upgrading.md).'
        using errcode = 'undefined_table';
    end if;
    return;
  elsif to_regprocedure('public.cleanup_expired_report_jobs()') is not null then
    return;
  end if;

  create function public.cleanup_expired_report_jobs() returns void
  language plpgsql set search_path = '' as $function$
  begin
    delete from public.report_jobs
    where expires_at < now()
      or status in ('succeeded', 'failed', 'cancelled') and completed_at < now() - interval '24 hours';
  end
  $function$;
end
$migration$;

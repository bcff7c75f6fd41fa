-- Why: finished jobs are of no use after a week.

create or replace function public.cleanup_expired_report_jobs() returns void
language sql security definer set search_path = '' as $$
  delete from public.report_jobs where expires_at < now()
$$;
revoke execute on function public.cleanup_expired_report_jobs() from public, anon, authenticated;

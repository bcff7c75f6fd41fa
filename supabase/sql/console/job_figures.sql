-- Definer rights: people may not read the leases of jobs; it asks who the caller is itself.
create or replace function private.job_figures(p_from timestamptz, p_to timestamptz)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now jsonb;
begin
  perform private.require_operator();
  select jsonb_build_object(
    'running', count(*) filter (where state = 'running'),
    'waiting', count(*) filter (where state = 'waiting'),
    'overdue', count(*) filter (where state = 'overdue'),
    -- Results from elsewhere may take days, so these jobs are left out.
    'oldest', min(created_at) filter (where generate))
  into v_now
  from private.job_states where status in ('queued', 'running');
  return v_now || (
    select jsonb_build_object(
      'failed', count(*) filter (where status = 'failed'), 'cancelled', count(*) filter (where status = 'cancelled'))
    from private.job_runs where status in ('failed', 'cancelled') and completed_at >= p_from and completed_at < p_to) || jsonb_build_object(
    'taken_over', (
      select count(*) from private.job_runs where take_overs > 0 and coalesce(completed_at, now()) >= p_from
        and coalesce(completed_at, now()) < p_to));
end
$$;

comment on function private.job_figures(timestamptz, timestamptz) is
  'How many jobs run, wait for a result from elsewhere and are overdue now, since when the oldest of those that generate is asked for, and how many failed, were cancelled and were taken over from p_from until p_to (where p_to is to come, those taken over that still run, too).';
revoke all on function private.job_figures(timestamptz, timestamptz) from public, anon, authenticated, service_role;
grant execute on function private.job_figures(timestamptz, timestamptz) to authenticated;

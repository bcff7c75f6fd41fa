-- Why: generating a report takes longer than a request; a job shows its progress. The table is the platform's. Where it
-- stands, this file does nothing; a project that lives without the platform gets the same table here.

do $migration$
begin
  if current_setting('polaris.alone', true) is distinct from 'on' and to_regnamespace('polaris_alone') is null then
    if to_regclass('public.requirement_reports') is null then
      raise exception 'This database lacks tables of the platform. Push the migrations of the platform first, then these (docs/upgrading.md).'
        using errcode = 'undefined_table';
    end if;
    return;
  elsif to_regclass('public.report_jobs') is not null then
    return;
  end if;

  create table public.report_jobs (
    id uuid primary key default gen_random_uuid(),
    job_id text unique not null,
    user_id uuid references auth.users (id) on delete cascade,
    summary_id uuid references public.polaris_summaries (id) on delete cascade,
    status text not null default 'queued'
      check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    model text,
    prompt text,
    temperature numeric(3, 2) default 0.2,
    max_tokens int default 4000,
    result text,
    error text,
    percent int default 0 check (percent >= 0 and percent <= 100),
    eta_seconds int,
    idempotency_key text,
    metadata jsonb default '{}',
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    started_at timestamptz,
    completed_at timestamptz,
    expires_at timestamptz default now() + interval '7 days'
  );
  create index idx_report_jobs_job_id on public.report_jobs (job_id);
  create index idx_report_jobs_user_status on public.report_jobs (user_id, status);
  create index idx_report_jobs_summary on public.report_jobs (summary_id);
  create index idx_report_jobs_status on public.report_jobs (status) where status in ('queued', 'running');
  create index idx_report_jobs_idempotency on public.report_jobs (idempotency_key) where idempotency_key is not null;
  create index idx_report_jobs_expires on public.report_jobs (expires_at);

  alter table public.report_jobs enable row level security;
  grant all on table public.report_jobs to anon, authenticated, service_role;
  create policy "Users can view own report jobs" on public.report_jobs for select using (auth.uid() = user_id);
  create policy "Users can create own report jobs" on public.report_jobs for insert with check (auth.uid() = user_id);
  create policy "Users can update own report jobs" on public.report_jobs for update
    using (auth.uid() = user_id) with check (auth.uid() = user_id);
  create policy "Users can delete own report jobs" on public.report_jobs for delete using (auth.uid() = user_id);
  create policy "Service role has full access" on public.report_jobs for all using (auth.role() = 'service_role');
end
$migration$;

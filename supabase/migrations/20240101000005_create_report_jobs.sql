-- Why: generating a report takes longer than a request; a job says how far it has come.

create table if not exists public.report_jobs (
  id uuid primary key default gen_random_uuid(),
  job_id text unique not null,
  user_id uuid references auth.users (id) on delete cascade,
  summary_id uuid references public.polaris_summaries (id) on delete set null,
  status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  model text,
  prompt text,
  temperature numeric(3, 2),
  max_tokens int,
  result text,
  error text,
  percent int default 0 check (percent between 0 and 100),
  eta_seconds int,
  idempotency_key text,
  metadata jsonb default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  started_at timestamptz,
  completed_at timestamptz,
  expires_at timestamptz default now() + interval '7 days'
);
create index if not exists report_jobs_user_id on public.report_jobs (user_id);
create index if not exists report_jobs_summary_id on public.report_jobs (summary_id);
create index if not exists report_jobs_idempotency_key on public.report_jobs (idempotency_key);
create index if not exists report_jobs_expires_at on public.report_jobs (expires_at);
alter table public.report_jobs enable row level security;

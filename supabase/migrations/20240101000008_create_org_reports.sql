-- Why: what is learnt about the organisation is a report of its own.

create table if not exists public.org_reports (
  id uuid primary key default gen_random_uuid(),
  summary_id uuid references public.polaris_summaries (id) on delete set null,
  user_id uuid not null references auth.users (id) on delete cascade,
  user_data jsonb not null default '{}',
  research_report text,
  research_status public.research_status not null default 'pending',
  research_metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index if not exists org_reports_summary_id on public.org_reports (summary_id);
alter table public.org_reports enable row level security;

-- Why: what is learnt about the person and their role is a report of its own.

do $$
begin
  create type public.research_status as enum ('pending', 'running', 'completed', 'failed');
exception when duplicate_object then null;
end $$;

create table if not exists public.greeting_reports (
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
create index if not exists greeting_reports_summary_id on public.greeting_reports (summary_id);
alter table public.greeting_reports enable row level security;

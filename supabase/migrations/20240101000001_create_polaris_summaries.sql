-- Why: a needs analysis begins with what a person answers in three stages, and its summary.

create table if not exists public.polaris_summaries (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  company_name text,
  summary_content text not null,
  stage1_answers jsonb not null default '{}',
  stage2_answers jsonb not null default '{}',
  stage3_answers jsonb not null default '{}',
  stage2_questions jsonb not null default '[]',
  stage3_questions jsonb not null default '[]',
  created_at timestamptz not null default now()
);
create index if not exists polaris_summaries_user_id on public.polaris_summaries (user_id);
alter table public.polaris_summaries enable row level security;

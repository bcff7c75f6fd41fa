-- Why: a needs analysis begins with what a person answers in three stages, and its summary. The table is the platform's. Where
-- it stands, this file does nothing; a project that lives without the platform gets the same table here.

do $migration$
begin
  if current_setting('polaris.alone', true) is distinct from 'on' and to_regnamespace('polaris_alone') is null then
    if to_regclass('public.requirement_reports') is null then
      raise exception 'This database lacks tables of the platform. Push the migrations of the platform first, then these (docs/upgrading.md).'
        using errcode = 'undefined_table';
    end if;
    return;
  elsif to_regclass('public.polaris_summaries') is not null then
    return;
  end if;

  create table public.polaris_summaries (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    company_name text,
    summary_content text not null,
    stage1_answers jsonb not null default '{}',
    stage2_answers jsonb not null default '{}',
    stage3_answers jsonb not null default '{}',
    stage2_questions jsonb not null default '[]',
    stage3_questions jsonb not null default '[]',
    created_at timestamptz not null default now(),
    report_title text,
    greeting_report text,
    org_report text,
    requirement_report text,
    edited_content text,
    is_edited boolean default false,
    last_edited_at timestamptz,
    ai_edits_enabled boolean default true,
    max_ai_edits int default 3,
    prelim_report text,
    dynamic_questionnaire_report text,
    is_public boolean default false
  );
  create index idx_polaris_summaries_user_id on public.polaris_summaries (user_id);
  create index idx_polaris_summaries_created_at on public.polaris_summaries (created_at desc);
  create index idx_polaris_summaries_is_edited on public.polaris_summaries (is_edited) where is_edited = true;
  create index idx_polaris_summaries_public on public.polaris_summaries (id, is_public) where is_public = true;

  alter table public.polaris_summaries enable row level security;
  -- Hosted projects give these privileges by default; later ones do not, and row level security is what protects.
  grant all on table public.polaris_summaries to anon, authenticated, service_role;
  create policy "Users can view own summaries" on public.polaris_summaries for select using (auth.uid() = user_id);
  create policy "Users can insert own summaries" on public.polaris_summaries for insert
    with check (auth.uid() = user_id);
  create policy "Users can update own summaries" on public.polaris_summaries for update using (auth.uid() = user_id);
  create policy "Users can delete own summaries" on public.polaris_summaries for delete using (auth.uid() = user_id);
  create policy "Public reports are viewable by anyone" on public.polaris_summaries for select using (is_public = true);
end
$migration$;

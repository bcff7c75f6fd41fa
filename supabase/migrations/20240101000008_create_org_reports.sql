-- Why: what is learnt about the organisation is a report of its own. The table is the platform's. Where it stands, this
-- file does nothing; a project that lives without the platform gets the same table here.

do $migration$
begin
  if current_setting('polaris.alone', true) is distinct from 'on' and to_regnamespace('polaris_alone') is null then
    if to_regclass('public.requirement_reports') is null then
      raise exception 'This database lacks tables of the platform. Push the migrations of the platform first, then these (docs/upgrading.md).'
        using errcode = 'undefined_table';
    end if;
    return;
  elsif to_regclass('public.org_reports') is not null then
    return;
  end if;

  create table public.org_reports (
    id uuid primary key default gen_random_uuid(),
    summary_id uuid references public.polaris_summaries (id) on delete cascade,
    user_id uuid not null references auth.users (id) on delete cascade,
    user_data jsonb not null default '{}',
    research_report text,
    research_status public.research_status not null default 'pending',
    research_metadata jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
  );
  create index idx_org_reports_user on public.org_reports (user_id);
  create index idx_org_reports_summary on public.org_reports (summary_id);
  create index idx_org_reports_status on public.org_reports (research_status);

  alter table public.org_reports enable row level security;
  grant all on table public.org_reports to anon, authenticated, service_role;
  create policy org_reports_select_own on public.org_reports for select using (auth.uid() = user_id);
  create policy org_reports_insert_own on public.org_reports for insert with check (auth.uid() = user_id);
  create policy org_reports_update_own on public.org_reports for update using (auth.uid() = user_id);
  create policy org_reports_delete_own on public.org_reports for delete using (auth.uid() = user_id);
end
$migration$;

create or replace function private.create_report_type(p_report_type text)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_table text := p_report_type || '_reports';
begin
  execute format(
    'create table public.%I (
       id uuid primary key default gen_random_uuid(),
       summary_id uuid references public.polaris_summaries (id) on delete cascade,
       user_id uuid not null references auth.users (id) on delete cascade,
       user_data jsonb not null default ''{}'',
       research_report text,
       research_status public.research_status not null default ''pending'',
       research_metadata jsonb not null default ''{}'',
       created_at timestamptz not null default now(),
       updated_at timestamptz not null default now(),
       webhook_status text default ''pending''
         check (webhook_status in (''pending'', ''sent'', ''success'', ''failed'', ''retrying'')),
       webhook_attempts int default 0,
       webhook_last_attempt timestamptz,
       webhook_response jsonb default ''{}'',
       webhook_job_id text
     )', v_table);
  execute format('comment on table public.%I is %L', v_table, 'Reports of the type ' || p_report_type || '.');
  execute format('create index %I on public.%I (summary_id)', v_table || '_summary_id', v_table);
  -- The platform's tables have this index. public.list_all_reports() finds failed reports by it.
  execute format('create index %I on public.%I (research_status)', v_table || '_research_status', v_table);
  execute format('alter table public.%I enable row level security', v_table);
  execute format('revoke all on table public.%I from anon, authenticated, service_role', v_table);
  execute format('grant select, insert, update, delete on table public.%I to authenticated', v_table);
  execute format('grant select on table public.%I to service_role', v_table);
  execute format('create policy "owners select" on public.%I for select to authenticated
    using ((select auth.uid()) = user_id)', v_table);
  execute format('create policy "owners insert" on public.%I for insert to authenticated
    with check ((select auth.uid()) = user_id)', v_table);
  execute format('create policy "owners update" on public.%I for update to authenticated
    using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id)', v_table);
  execute format('create policy "owners delete" on public.%I for delete to authenticated
    using ((select auth.uid()) = user_id)', v_table);
  perform private.add_report_type(p_report_type, v_table);
end
$$;

comment on function private.create_report_type(text) is
  'Creates a new report type with a table of its own, <type>_reports, which only its owners and the server reach.';
revoke all on function private.create_report_type(text) from public, anon, authenticated, service_role;

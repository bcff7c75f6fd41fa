-- Why: a report's row shows whether its webhook has arrived, and the audit what was sent and answered. The platform has a
-- migration of this number with the same tables, columns and indexes: what stands is left as it is. The two functions are
-- replaced, because the platform's may be called by everybody, with its owner's rights and without a search path.

-- While the push waits for a lock, everybody else waits behind the push. On a time-out of this lock, push again.
select set_config('lock_timeout', '2s', true);

alter table public.greeting_reports
  add column if not exists webhook_status text default 'pending'
    check (webhook_status in ('pending', 'sent', 'success', 'failed', 'retrying')),
  add column if not exists webhook_attempts int default 0,
  add column if not exists webhook_last_attempt timestamptz,
  add column if not exists webhook_response jsonb default '{}',
  add column if not exists webhook_job_id text;
create index if not exists idx_greeting_reports_webhook_status on public.greeting_reports (webhook_status)
  where webhook_status in ('pending', 'retrying', 'failed');
create index if not exists idx_greeting_reports_webhook_job_id on public.greeting_reports (webhook_job_id);

alter table public.org_reports
  add column if not exists webhook_status text default 'pending'
    check (webhook_status in ('pending', 'sent', 'success', 'failed', 'retrying')),
  add column if not exists webhook_attempts int default 0,
  add column if not exists webhook_last_attempt timestamptz,
  add column if not exists webhook_response jsonb default '{}',
  add column if not exists webhook_job_id text;
create index if not exists idx_org_reports_webhook_status on public.org_reports (webhook_status)
  where webhook_status in ('pending', 'retrying', 'failed');
create index if not exists idx_org_reports_webhook_job_id on public.org_reports (webhook_job_id);

alter table public.requirement_reports
  add column if not exists webhook_status text default 'pending'
    check (webhook_status in ('pending', 'sent', 'success', 'failed', 'retrying')),
  add column if not exists webhook_attempts int default 0,
  add column if not exists webhook_last_attempt timestamptz,
  add column if not exists webhook_response jsonb default '{}',
  add column if not exists webhook_job_id text;
create index if not exists idx_requirement_reports_webhook_status on public.requirement_reports (webhook_status)
  where webhook_status in ('pending', 'retrying', 'failed');
create index if not exists idx_requirement_reports_webhook_job_id on public.requirement_reports (webhook_job_id);

-- The platform's columns, which nothing of ours reads or sends by.
alter table public.report_jobs
  add column if not exists webhook_url text,
  add column if not exists webhook_status text default 'pending'
    check (webhook_status in ('pending', 'sent', 'success', 'failed', 'retrying')),
  add column if not exists webhook_attempts int default 0,
  add column if not exists webhook_last_attempt timestamptz,
  add column if not exists webhook_response jsonb default '{}',
  add column if not exists webhook_metadata jsonb default '{}';
create index if not exists idx_report_jobs_webhook_status on public.report_jobs (webhook_status)
  where webhook_status in ('pending', 'retrying', 'failed');

do $migration$
begin
  if to_regclass('public.webhook_audit') is not null then
    return;
  end if;

  create table public.webhook_audit (
    id uuid primary key default gen_random_uuid(),
    webhook_type text not null check (webhook_type in ('prelim-report', 'final-report')),
    job_id text not null,
    report_id uuid,
    report_table text,
    request_payload jsonb,
    response_status int,
    response_body jsonb,
    error_message text,
    attempt_number int default 1,
    created_at timestamptz not null default now()
  );
  create index idx_webhook_audit_job_id on public.webhook_audit (job_id);
  create index idx_webhook_audit_type on public.webhook_audit (webhook_type);
  create index idx_webhook_audit_created on public.webhook_audit (created_at);

  alter table public.webhook_audit enable row level security;
  -- Hosted projects give these privileges by default; later ones do not, and row level security is what protects.
  grant all on table public.webhook_audit to anon, authenticated, service_role;
  create policy "Service role has full access to webhook audit" on public.webhook_audit for all
    using (auth.role() = 'service_role');
end
$migration$;

create or replace function public.update_webhook_status(
  table_name text, record_id uuid, new_status text, response_data jsonb default '{}', increment_attempts boolean default true)
returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  if table_name not in ('greeting_reports', 'org_reports', 'requirement_reports') then
    raise exception 'no report table %', table_name using errcode = 'invalid_parameter_value';
  end if;
  execute format(
    'update public.%I set webhook_status = $1, webhook_response = $2, webhook_last_attempt = now(),
       webhook_attempts = coalesce(webhook_attempts, 0) + $3::int where id = $4', table_name)
  using new_status, response_data, increment_attempts, record_id;
end $$;
comment on function public.update_webhook_status(text, uuid, text, jsonb, boolean) is
  'Sets the webhook columns of a report; increment_attempts counts one attempt more.';

create or replace function public.get_failed_webhooks(max_attempts int default 3, retry_after_minutes int default 5)
returns table (table_name text, record_id uuid, job_id text, webhook_attempts int, last_attempt timestamptz)
language sql stable security definer set search_path = '' as $$
  select failed.table_name, failed.id, failed.webhook_job_id, failed.webhook_attempts, failed.webhook_last_attempt
  from (
    select 'greeting_reports', id, webhook_job_id, webhook_attempts, webhook_last_attempt, webhook_status
    from public.greeting_reports
    union all
    select 'org_reports', id, webhook_job_id, webhook_attempts, webhook_last_attempt, webhook_status
    from public.org_reports
    union all
    select 'requirement_reports', id, webhook_job_id, webhook_attempts, webhook_last_attempt, webhook_status
    from public.requirement_reports
  ) failed (table_name, id, webhook_job_id, webhook_attempts, webhook_last_attempt, webhook_status)
  where failed.webhook_status = 'failed' and failed.webhook_attempts < max_attempts
    and failed.webhook_last_attempt <= now() - make_interval(mins => retry_after_minutes)
$$;
comment on function public.get_failed_webhooks(int, int) is
  'Reports whose webhook failed fewer than max_attempts times, the last retry_after_minutes ago or longer.';

-- Projects made after 30 October 2026 let service_role call a function only because everybody may.
revoke execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) from public, anon, authenticated;
grant execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) to service_role;
revoke execute on function public.get_failed_webhooks(int, int) from public, anon, authenticated;
grant execute on function public.get_failed_webhooks(int, int) to service_role;

-- Why: a report's row shows whether its webhook has arrived, and the audit what was sent and answered.

alter table public.greeting_reports
  add column if not exists webhook_status text default 'pending'
    check (webhook_status in ('pending', 'sent', 'success', 'failed', 'retrying')),
  add column if not exists webhook_attempts int default 0,
  add column if not exists webhook_last_attempt timestamptz,
  add column if not exists webhook_response jsonb default '{}',
  add column if not exists webhook_job_id text;
create index if not exists greeting_reports_webhook_status on public.greeting_reports (webhook_status, webhook_last_attempt);
create index if not exists greeting_reports_webhook_job_id on public.greeting_reports (webhook_job_id);

alter table public.org_reports
  add column if not exists webhook_status text default 'pending'
    check (webhook_status in ('pending', 'sent', 'success', 'failed', 'retrying')),
  add column if not exists webhook_attempts int default 0,
  add column if not exists webhook_last_attempt timestamptz,
  add column if not exists webhook_response jsonb default '{}',
  add column if not exists webhook_job_id text;
create index if not exists org_reports_webhook_status on public.org_reports (webhook_status, webhook_last_attempt);
create index if not exists org_reports_webhook_job_id on public.org_reports (webhook_job_id);

alter table public.requirement_reports
  add column if not exists webhook_status text default 'pending'
    check (webhook_status in ('pending', 'sent', 'success', 'failed', 'retrying')),
  add column if not exists webhook_attempts int default 0,
  add column if not exists webhook_last_attempt timestamptz,
  add column if not exists webhook_response jsonb default '{}',
  add column if not exists webhook_job_id text;
create index if not exists requirement_reports_webhook_status on public.requirement_reports (webhook_status, webhook_last_attempt);
create index if not exists requirement_reports_webhook_job_id on public.requirement_reports (webhook_job_id);

create table if not exists public.webhook_audit (
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
alter table public.webhook_audit enable row level security;

create function public.update_webhook_status(
  table_name text, record_id uuid, new_status text, response_data jsonb default '{}', increment_attempts boolean default true)
returns void
language plpgsql security definer set search_path = '' as $$
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

create function public.get_failed_webhooks(max_attempts int default 3, retry_after_minutes int default 5)
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

revoke execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) from public, anon, authenticated;
revoke execute on function public.get_failed_webhooks(int, int) from public, anon, authenticated;

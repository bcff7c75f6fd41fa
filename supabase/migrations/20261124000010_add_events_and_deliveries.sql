-- Why: a result must be stored before anything is sent, exactly once, and provably. That takes an immutable fact
-- (the event), the duty to bring it to its endpoint (the delivery), and one place that says what the report types are.

create schema if not exists private;
comment on schema private is 'Helpers of other SQL functions. Not exposed by the REST API.';
revoke all on schema private from public;

-- Report types ---------------------------------------------------------------------------------------------------

create table public.report_types (
  report_type text primary key check (report_type ~ '^[a-z][a-z_]{0,40}$'),
  table_name text not null unique
);
comment on table public.report_types is
  'The one list of report types. To add one: create its table, then call private.add_report_type().';
alter table public.report_types enable row level security;

-- Operators ------------------------------------------------------------------------------------------------------

create table public.operators (
  user_id uuid primary key references auth.users (id) on delete cascade,
  created_at timestamptz not null default now()
);
comment on table public.operators is 'Who may watch, retry and redrive. Deleting a row revokes at once.';
alter table public.operators enable row level security;

-- Jobs -----------------------------------------------------------------------------------------------------------

alter table public.report_jobs
  add column report_type text references public.report_types (report_type),
  add column report_id uuid,
  add column stage text check (stage in ('prelim', 'final')),
  add column caller text,
  add column caller_key text,
  add column request_digest text,
  add column generate boolean not null default true,
  add column lease_token bigint not null default 0,
  add column lease_expires_at timestamptz,
  add column take_overs int not null default 0,
  add column event_id text;

comment on column public.report_jobs.caller is '`pipeline`, or the id of the user who asked.';
comment on column public.report_jobs.caller_key is
  'The caller''s Idempotency-Key. The legacy column idempotency_key has duplicates and was shared between users.';
comment on column public.report_jobs.request_digest is 'SHA-256 of the request: the same key with another body is a conflict.';
comment on column public.report_jobs.generate is 'False: the result is generated elsewhere and arrives by PATCH.';
comment on column public.report_jobs.lease_token is
  'Fencing token: raised whenever another runner takes the job, and shown by every completion.';
comment on column public.report_jobs.event_id is 'The event that finished the job.';

create unique index report_jobs_caller_key on public.report_jobs (caller, caller_key) where caller_key is not null;
create index report_jobs_report on public.report_jobs (report_id, report_type, created_at desc);
create index report_jobs_lease on public.report_jobs (lease_expires_at) where status in ('queued', 'running');
create index report_jobs_unfinished_by_caller on public.report_jobs (caller) where status in ('queued', 'running');

-- Events ---------------------------------------------------------------------------------------------------------

create table public.report_events (
  id text primary key check (id ~ '^[A-Za-z0-9_-]{1,128}$'),
  type text not null check (type in (
    'report.prelim.completed', 'report.prelim.failed',
    'report.final.completed', 'report.final.failed',
    'report.owner.edited')),
  report_type text not null references public.report_types (report_type),
  report_id uuid not null,
  stage text not null check (stage in ('prelim', 'final')),
  status text not null generated always as (case when type like '%.failed' then 'failed' else 'completed' end) stored,
  job_id text,
  requested_at timestamptz(3) not null,
  digest text not null,
  research_report text,
  research_metadata jsonb,
  final_data jsonb,
  error text,
  channel text check (channel in ('webhook', 'direct', 'owner', 'import')),
  effect text check (effect in ('applied', 'superseded')),
  applied_at timestamptz,
  created_at timestamptz not null default now(),
  check ((effect is null) = (channel is null) and (effect is null) = (applied_at is null))
);
comment on table public.report_events is
  'The immutable fact that a job finished. The one place besides the report row where a result''s content is stored.';
comment on column public.report_events.requested_at is 'The order among events of a report: (stage, requested_at, id).';
comment on column public.report_events.digest is 'SHA-256 of the content in canonical form: type and data without its times.';
comment on column public.report_events.channel is 'Who applied it first.';
comment on column public.report_events.effect is 'What applying it did. Null: known, not applied yet.';

create unique index report_events_job on public.report_events (job_id) where job_id is not null;
create index report_events_report on public.report_events (report_id, report_type, requested_at desc);
create index report_events_without_effect on public.report_events (created_at) where effect is null;
alter table public.report_events enable row level security;

create function private.keep_event() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- The generated column is computed after this trigger, from a column that is compared.
  if tg_op = 'UPDATE'
    and old.effect is null and new.effect is not null
    and to_jsonb(old) - '{effect,channel,applied_at,status}'::text[]
      = to_jsonb(new) - '{effect,channel,applied_at,status}'::text[]
  then
    return new;
  end if;
  raise exception 'report_events is append-only: only its effect is set, once' using errcode = 'PL001';
end $$;
comment on function private.keep_event() is 'Refuses every change of an event but the one that records its effect.';
create trigger keep_event before update or delete on public.report_events
  for each row execute function private.keep_event();

-- Deliveries -----------------------------------------------------------------------------------------------------

create table public.webhook_deliveries (
  id bigint generated always as identity primary key,
  event_id text not null unique references public.report_events (id),
  webhook_type text not null check (webhook_type in ('prelim-report', 'final-report')),
  report_type text not null references public.report_types (report_type),
  report_id uuid not null,
  job_id text,
  status text not null default 'pending' check (status in ('pending', 'sent', 'success', 'failed', 'retrying')),
  attempts int not null default 0,
  counted_on_arrival boolean not null default false,
  rounds int not null default 0,
  last_attempt timestamptz,
  next_attempt timestamptz default now(),
  dead_at timestamptz,
  dead_reason text check (dead_reason in ('attempts_exhausted', 'refused', 'report_deleted', 'import')),
  response jsonb not null default '{}',
  lease_token bigint not null default 0,
  lease_expires_at timestamptz,
  created_at timestamptz not null default now(),
  check ((dead_at is null) = (dead_reason is null)),
  check (dead_at is null or status = 'failed'),
  check (status <> 'success' or next_attempt is null)
);
comment on table public.webhook_deliveries is 'The outbox: the duty to bring one event to its endpoint.';
comment on column public.webhook_deliveries.attempts is 'POSTs made.';
comment on column public.webhook_deliveries.counted_on_arrival is
  'The endpoint counted one POST of the present round when it arrived; the sender''s record leaves that one out.';
comment on column public.webhook_deliveries.rounds is 'Recorded rounds that failed: the place in the durable schedule.';
comment on column public.webhook_deliveries.lease_token is 'Fencing token: raised by every claim.';

create index webhook_deliveries_due on public.webhook_deliveries (next_attempt, id)
  where status <> 'success' and dead_at is null;
create index webhook_deliveries_report on public.webhook_deliveries (report_id, report_type, id desc);
create index webhook_deliveries_dead on public.webhook_deliveries (dead_at, id) where dead_at is not null;
alter table public.webhook_deliveries enable row level security;

-- Audit ----------------------------------------------------------------------------------------------------------

alter table public.webhook_audit drop constraint if exists webhook_audit_webhook_type_check;
alter table public.webhook_audit
  alter column webhook_type drop not null,
  alter column job_id drop not null,
  add column direction text not null default 'in' check (direction in ('in', 'out')),
  add column event_id text,
  add column outcome text,
  add column body_sha256 text,
  add column body_bytes int,
  add column duration_ms numeric(12, 3),
  add constraint webhook_audit_webhook_type_check check (webhook_type in ('prelim-report', 'final-report'));
comment on table public.webhook_audit is
  'Every attempt, and every request to a webhook or retry endpoint. Append-only, retention aside.';
comment on column public.webhook_audit.request_payload is 'The envelope without the report''s text.';
create index webhook_audit_created_at on public.webhook_audit (created_at desc, id desc);
create index webhook_audit_event on public.webhook_audit (event_id, created_at desc);
create index webhook_audit_job on public.webhook_audit (job_id, created_at desc);
create index webhook_audit_report on public.webhook_audit (report_id, created_at desc);
alter table public.webhook_audit enable row level security;

create function private.keep_audit() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'webhook_audit is append-only' using errcode = 'PL001';
end $$;
create trigger keep_audit before update or delete on public.webhook_audit
  for each row execute function private.keep_audit();
create trigger keep_audit_whole before truncate on public.webhook_audit
  for each statement execute function private.keep_audit();

create table public.webhook_refusals (
  minute timestamptz primary key,
  requests bigint not null
);
comment on table public.webhook_refusals is
  'Unverified requests a minute: beyond a cap they are counted here only, so that strangers cannot fill the audit.';
alter table public.webhook_refusals enable row level security;

-- Notifications --------------------------------------------------------------------------------------------------

create table public.report_notifications (
  id bigint generated always as identity primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  report_type text not null references public.report_types (report_type),
  report_id uuid not null,
  event_id text not null unique references public.report_events (id),
  created_at timestamptz not null default now(),
  read_at timestamptz
);
comment on table public.report_notifications is 'A completed final, told to the report''s owner: written with its effect.';
create index report_notifications_user on public.report_notifications (user_id, id desc);
alter table public.report_notifications enable row level security;

comment on table private.job_runs is
  'A job of ours, whole: report_jobs only shows its progress, since owners and the platform can write there.';
comment on column private.job_runs.user_id is
  'Who may read and cancel it. For a job of the pipeline: the owner of the report, also when that changes. Else the user who asked; null for a job of the pipeline without a report.';
comment on column private.job_runs.caller is '`pipeline`, the id of the user who asked, or `platform` for an imported job.';
comment on column private.job_runs.caller_key is 'The caller''s Idempotency-Key, unique per caller.';
comment on column private.job_runs.request_digest is 'SHA-256 of the request: the same key with another body is a conflict.';
comment on column private.job_runs.model is
  'The model that generates, null where none does. Of a job whose result is generated elsewhere: the model that was asked for.';
comment on column private.job_runs.generate is 'False: the result is generated elsewhere and arrives by PATCH.';
comment on column private.job_runs.lease_token is
  'Fencing token: raised whenever another runner takes the job, and shown by every completion.';
comment on column private.job_runs.claim_id is 'Of the last take-over: a repeated call is recognised by it.';
comment on column private.job_runs.deadline is 'Until when a result from elsewhere is waited for.';
comment on column private.job_runs.event_id is 'The event that finished the job.';
comment on column private.job_runs.result is
  'The text of a job without a report, which has no event. It is erased with the job, when retention removes that.';
comment on column private.job_runs.result_metadata is 'How that text was made, such as the tokens used.';
comment on column private.job_runs.erased_at is 'When forget_job() erased what its caller and its result said.';
comment on column private.job_runs.trace_id is 'Of the request that made it, or one that began here.';
alter table private.job_runs enable row level security;
revoke all on table private.job_runs from anon, authenticated, service_role;
grant select (
  job_id, report_type, report_id, user_id, caller, stage, status, percent, eta_seconds, error, event_id, take_overs,
  created_at, started_at, completed_at, trace_id) on table private.job_runs to authenticated;
drop policy if exists "operators read" on private.job_runs;
create policy "operators read" on private.job_runs for select to authenticated
  using ((select private.is_operator()));
drop policy if exists "owners read" on private.job_runs;
create policy "owners read" on private.job_runs for select to authenticated
  using (user_id = (select auth.uid()));

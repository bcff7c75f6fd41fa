-- Why: only the server writes. Owners keep what the platform gives them over their own reports, operators read, anon
-- can do nothing. One function holds all grants, so that it can be run again wherever something granted more.

create function private.is_operator() returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.operators where user_id = (select auth.uid()))
$$;
comment on function private.is_operator() is
  'Whether the signed-in person is an operator. Definer rights: nobody may read the table of operators itself.';

-- Owners' own writes ---------------------------------------------------------------------------------------------

create function private.guard_owner_write() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_report_type text := tg_argv[0];
  v_old_text text := case when tg_op = 'UPDATE' then old.research_report end;
  v_now timestamptz(3) := clock_timestamp();
  v_event_id text;
begin
  if tg_op = 'UPDATE' then
    new.id := old.id;
    new.user_id := old.user_id;
    new.stage := old.stage;
    new.winner_event_id := old.winner_event_id;
    new.webhook_status := old.webhook_status;
    new.webhook_attempts := old.webhook_attempts;
    new.webhook_last_attempt := old.webhook_last_attempt;
    new.webhook_response := old.webhook_response;
    new.webhook_job_id := old.webhook_job_id;
    new.research_metadata := old.research_metadata;
    new.research_status := old.research_status;
    new.updated_at := v_now;
  else
    new.stage := null;
    new.winner_event_id := null;
    new.webhook_status := 'pending';
    new.webhook_attempts := 0;
    new.webhook_last_attempt := null;
    new.webhook_response := '{}';
    new.webhook_job_id := null;
    new.research_status := 'pending';
    new.research_metadata := '{}';
    -- Someone else's events may carry this id: a report begins without history.
    if exists (select from public.report_events where report_id = new.id and report_type = v_report_type) then
      raise exception 'this id was used before' using errcode = 'unique_violation';
    end if;
  end if;

  if new.research_report is distinct from v_old_text then
    v_event_id := 'own_' || replace(gen_random_uuid()::text, '-', '');
    -- An edit is the newest word on what it edits: never before the event whose content it replaces.
    v_now := greatest(v_now, (select requested_at + interval '1 millisecond'
      from public.report_events where id = new.winner_event_id));
    new.stage := coalesce(new.stage, 'prelim');
    insert into public.report_events (
      id, type, report_type, report_id, stage, requested_at, digest, research_report, research_metadata,
      channel, effect, applied_at)
    values (
      v_event_id, 'report.owner.edited', v_report_type, new.id, new.stage, v_now,
      private.content_digest('report.owner.edited',
        jsonb_build_object('research_report', new.research_report, 'research_metadata', new.research_metadata)),
      new.research_report, new.research_metadata, 'owner', 'applied', clock_timestamp());
    new.winner_event_id := v_event_id;
    new.research_status := private.report_status(v_report_type, new.id);
  end if;
  return new;
end $$;
comment on function private.guard_owner_write() is
  'What an owner may not change keeps its value; a changed text becomes an event of channel owner, and the winner.';

create function private.close_report() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- The report's row is gone already, so a delivery that another process holds is left to it: applying its event, that
  -- process finds the report gone and closes it. Waiting here would turn the order of locks around.
  perform private.close_delivery(event_id) from (
    select event_id from public.webhook_deliveries
    where report_id = old.id and report_type = tg_argv[0] and status <> 'success' and dead_at is null
    for update skip locked) open;
  update public.report_jobs
  set status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = null, completed_at = now(),
    error = 'The report was deleted.', updated_at = now()
  where report_id = old.id and report_type = tg_argv[0] and status in ('queued', 'running');
  return null;
end $$;
comment on function private.close_report() is 'Deleting a report closes its deliveries and cancels its jobs.';

-- Report types ---------------------------------------------------------------------------------------------------

create function private.add_report_type(p_report_type text, p_table_name text) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.report_types (report_type, table_name) values (p_report_type, p_table_name);
  execute format(
    'alter table public.%I
       add column if not exists stage text check (stage in (''prelim'', ''final'')),
       add column if not exists winner_event_id text references public.report_events (id)', p_table_name);
  execute format('create index on public.%I (user_id, created_at desc)', p_table_name);
  execute format(
    'create trigger guard_owner_write before insert or update on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.guard_owner_write(%L)',
    p_table_name, p_report_type);
  execute format(
    'create trigger close_report after delete on public.%I for each row
       execute function private.close_report(%L)', p_table_name, p_report_type);
  execute format(
    'create policy "operators read" on public.%I for select to authenticated
       using ((select private.is_operator()))', p_table_name);
end $$;
comment on function private.add_report_type(text, text) is
  'Makes a table of the platform''s shape take part: registry, columns, triggers, policies. Then private.apply_grants().';

select private.add_report_type('greeting', 'greeting_reports');
select private.add_report_type('org', 'org_reports');
select private.add_report_type('requirement', 'requirement_reports');

-- Row level security ---------------------------------------------------------------------------------------------

create policy "operators read" on public.report_events for select to authenticated
  using ((select private.is_operator()));
create policy "operators read" on public.webhook_deliveries for select to authenticated
  using ((select private.is_operator()));
create policy "operators read" on public.webhook_audit for select to authenticated
  using ((select private.is_operator()));
create policy "operators read" on public.webhook_refusals for select to authenticated
  using ((select private.is_operator()));
create policy "operators read" on public.report_jobs for select to authenticated
  using ((select private.is_operator()));
create policy "owners read" on public.report_notifications for select to authenticated
  using (user_id = (select auth.uid()));
create policy "owners mark as read" on public.report_notifications for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "people see themselves" on public.operators for select to authenticated
  using (user_id = (select auth.uid()));
create policy "everyone reads" on public.report_types for select to authenticated using (true);

-- Grants ---------------------------------------------------------------------------------------------------------

create function private.apply_grants() returns void
language plpgsql set search_path = '' as $$
declare
  v_table text;
begin
  revoke all on all tables in schema public, private from public, anon, authenticated, service_role;
  revoke all on all sequences in schema public, private from public, anon, authenticated, service_role;
  revoke all on all functions in schema public, private from public, anon, authenticated, service_role;
  alter default privileges in schema public revoke all on tables from public, anon, authenticated, service_role;
  alter default privileges in schema public revoke all on sequences from public, anon, authenticated, service_role;
  alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;
  alter default privileges revoke all on functions from public;

  grant usage on schema public to anon, authenticated, service_role;
  grant usage on schema private to authenticated;
  grant execute on function private.is_operator() to authenticated;

  for v_table in select table_name from public.report_types loop
    execute format('grant select, insert, update, delete on public.%I to authenticated', v_table);
    execute format('grant select on public.%I to service_role', v_table);
  end loop;
  grant select, insert, update, delete on public.polaris_summaries to authenticated;
  grant select on public.report_jobs, public.report_notifications, public.report_types, public.operators
    to authenticated;
  grant update (read_at) on public.report_notifications to authenticated;
  -- Row level security leaves these to operators.
  grant select on public.webhook_deliveries, public.webhook_audit, public.report_events, public.webhook_refusals
    to authenticated;

  grant execute on function
    public.apply_report_event(jsonb, jsonb),
    public.request_report_job(jsonb, text, text, int, int),
    public.get_report_job(text, text),
    public.report_job_progress(text, bigint, int, int, int),
    public.due_report_jobs(int),
    public.take_over_report_job(text, int),
    public.complete_report_job(text, bigint, jsonb, int),
    public.cancel_report_job(text, text),
    public.claim_due_delivery(int),
    public.claim_report_delivery(text, uuid, text, int),
    public.record_delivery_attempts(bigint, bigint, text, jsonb, int),
    public.record_webhook_refusal(jsonb, boolean, int),
    public.get_failed_webhooks(int, int),
    public.update_webhook_status(text, uuid, text, jsonb, boolean)
  to service_role;
end $$;
comment on function private.apply_grants() is
  'All grants, narrowly, whatever was granted before. Idempotent: every migration that adds an object calls it.';

select private.apply_grants();

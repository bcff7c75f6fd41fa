-- Why: a trigger before an insert runs for rows that are then not inserted (`on conflict`). What it recorded stayed: an event in
-- the history of somebody else's report, and an owner's own upsert was refused. A report's first event is recorded once its
-- row is there. Until the end of the statement the row names an event that is still to come, hence the deferred reference.

alter table public.greeting_reports alter constraint greeting_reports_winner_event_id_fkey deferrable initially deferred;
alter table public.org_reports alter constraint org_reports_winner_event_id_fkey deferrable initially deferred;
alter table public.requirement_reports
  alter constraint requirement_reports_winner_event_id_fkey deferrable initially deferred;

create function private.record_owner_text(
  p_event_id text, p_report_type text, p_report_id uuid, p_stage text, p_requested_at timestamptz, p_text text,
  p_metadata jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.report_events (
    id, type, report_type, report_id, stage, requested_at, digest, research_report, research_metadata,
    channel, effect, applied_at)
  values (
    p_event_id, 'report.owner.edited', p_report_type, p_report_id, p_stage, p_requested_at,
    private.content_digest('report.owner.edited',
      jsonb_build_object('research_report', p_text, 'research_metadata', p_metadata)),
    p_text, p_metadata, 'owner', 'applied', clock_timestamp());
end $$;
comment on function private.record_owner_text(text, text, uuid, text, timestamptz, text, jsonb) is
  'Records a text that an owner wrote, as an applied event.';

create or replace function private.guard_owner_write() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_report_type text := tg_argv[0];
  v_event_id text := 'own_' || replace(gen_random_uuid()::text, '-', '');
  v_now timestamptz(3) := clock_timestamp();
  v_has_text boolean := new.research_report is not null;
begin
  if tg_op = 'INSERT' then
    new.stage := case when v_has_text then coalesce(new.stage, 'prelim') end;
    new.winner_event_id := case when v_has_text then v_event_id end;
    new.webhook_status := 'pending';
    new.webhook_attempts := 0;
    new.webhook_last_attempt := null;
    new.webhook_response := '{}';
    new.webhook_job_id := null;
    new.research_status := case when v_has_text then 'completed' else 'pending' end;
    new.research_metadata := '{}';
    return new;
  end if;

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
  if new.research_report is distinct from old.research_report then
    -- An edit is the newest word on what it edits: never before the event whose content it replaces.
    v_now := greatest(v_now, (select requested_at + interval '1 millisecond'
      from public.report_events where id = new.winner_event_id));
    new.stage := coalesce(new.stage, 'prelim');
    perform private.record_owner_text(
      v_event_id, v_report_type, new.id, new.stage, v_now, new.research_report, new.research_metadata);
    new.winner_event_id := v_event_id;
    new.research_status := private.report_status(v_report_type, new.id);
  end if;
  return new;
end $$;
comment on function private.guard_owner_write() is
  'What an owner may not change keeps its value; a changed text becomes an event of channel owner, and the winner.';

create function private.open_history() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- Someone else's events may carry this id: a report begins without history.
  if exists (select from public.report_events where report_id = new.id and report_type = tg_argv[0]) then
    raise exception 'this id was used before' using errcode = 'unique_violation';
  end if;
  if new.research_report is not null then
    perform private.record_owner_text(
      new.winner_event_id, tg_argv[0], new.id, new.stage, clock_timestamp(), new.research_report, new.research_metadata);
  end if;
  return null;
end $$;
comment on function private.open_history() is
  'An owner''s new report: the text that it brings becomes the event that guard_owner_write() named.';

create trigger open_history after insert on public.greeting_reports for each row
  when (current_user in ('anon', 'authenticated')) execute function private.open_history('greeting');
create trigger open_history after insert on public.org_reports for each row
  when (current_user in ('anon', 'authenticated')) execute function private.open_history('org');
create trigger open_history after insert on public.requirement_reports for each row
  when (current_user in ('anon', 'authenticated')) execute function private.open_history('requirement');

create or replace function private.add_report_type(p_report_type text, p_table_name text) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.report_types (report_type, table_name) values (p_report_type, p_table_name);
  execute format(
    'alter table public.%I
       add column if not exists stage text check (stage in (''prelim'', ''final'')),
       add column if not exists winner_event_id text references public.report_events (id) deferrable initially deferred',
    p_table_name);
  execute format('create index on public.%I (user_id, created_at desc)', p_table_name);
  execute format('create index on public.%I (created_at desc, id desc)', p_table_name);
  execute format(
    'create trigger guard_owner_write before insert or update on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.guard_owner_write(%L)',
    p_table_name, p_report_type);
  execute format(
    'create trigger open_history after insert on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.open_history(%L)',
    p_table_name, p_report_type);
  execute format(
    'create trigger close_report after delete on public.%I for each row
       execute function private.close_report(%L)', p_table_name, p_report_type);
  execute format(
    'create policy "operators read" on public.%I for select to authenticated
       using ((select private.is_operator()))', p_table_name);
end $$;

select private.apply_grants();

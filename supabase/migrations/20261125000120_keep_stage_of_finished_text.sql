-- Why: a report may be added with a text that is finished already, and that can be a final one. An insert names the stage of
-- the text that it brings; a report without a text still has none.

create or replace function private.guard_owner_write() returns trigger
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
    new.stage := case when new.research_report is not null then new.stage end;
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
  'What an owner may not change keeps its value; a text that is new or changed becomes an event of channel owner, and the
winner.';

select private.apply_grants();

-- Definer rights: an owner's statement fires it, and owners may not write events.
create or replace function private.guard_owner_write()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_report_type text := tg_argv[0];
  v_event_id text := private.new_id('own_');
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
  new.created_at := old.created_at;
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
    -- An edit is newer than what it edits, whatever the clocks say.
    v_now := greatest(v_now, (select requested_at + interval '1 millisecond'
      from public.report_events where id = new.winner_event_id));
    new.stage := coalesce(new.stage, 'prelim');
    perform private.record_owner_text(
      v_event_id, v_report_type, new.id, new.stage, v_now, new.research_report, new.research_metadata);
    new.winner_event_id := v_event_id;
    new.research_status := private.report_status(v_report_type, new.id);
  end if;
  return new;
end
$$;

comment on function private.guard_owner_write() is
  'What an owner may not change keeps its value. A changed text becomes an event of channel owner, and the winner.';
revoke all on function private.guard_owner_write() from public, anon, authenticated, service_role;

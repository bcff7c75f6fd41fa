-- Definer rights: an owner's statement fires it, and owners may not write events.
create or replace function private.open_history()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Events of an earlier report may carry this id, and would attach to this one.
  if exists (select from public.report_events where report_id = new.id and report_type = tg_argv[0]) then
    raise exception 'this id was used before' using errcode = 'unique_violation';
  end if;
  if new.research_report is not null then
    perform private.record_owner_text(
      new.winner_event_id, tg_argv[0], new.id, new.stage, clock_timestamp(), new.research_report, new.research_metadata);
  end if;
  return null;
end
$$;

comment on function private.open_history() is
  'An owner''s new report: the text that it brings becomes the event that guard_owner_write() named.';
revoke all on function private.open_history() from public, anon, authenticated, service_role;

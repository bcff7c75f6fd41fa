-- Definer rights: people and servers who write reports may not read events and contents.
create or replace function private.check_winner()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Volatile: a stable function would not see the event that the same statement has recorded.
  if not exists (
    select from public.report_events event
    join private.report_contents content on content.event_id = event.id
    where event.id = new.winner_event_id and event.report_type = tg_argv[0] and event.report_id = new.id
      and content.research_report is not distinct from new.research_report)
  then
    raise exception 'winner_event_id must name an event of this report with this text' using errcode = 'PL002';
  end if;
  return null;
end
$$;

comment on function private.check_winner() is
  'Refuses a winner that is not an event of this report with the text that the row shows.';
revoke all on function private.check_winner() from public, anon, authenticated, service_role;

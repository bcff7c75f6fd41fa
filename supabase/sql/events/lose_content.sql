-- Definer rights: people and servers who write reports may not write contents.
create or replace function private.lose_content()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  c_edits_fold_within constant interval := '10 minutes';
  v_is_folded boolean;
begin
  v_is_folded := new.user_id = old.user_id and exists (
    select from public.report_events earlier, public.report_events later
    where earlier.id = old.winner_event_id and later.id = new.winner_event_id
      and earlier.type = 'report.owner.edited' and later.type = 'report.owner.edited'
      and later.applied_at < earlier.applied_at + c_edits_fold_within);
  if v_is_folded and private.forget_event(old.winner_event_id, p_is_folded => true) then
    return null;
  end if;
  update private.report_contents
  -- If it could not be forgotten now, since a sender holds a delivery of it, the next sweep forgets it.
  set lost_at = case when v_is_folded then '-infinity' else clock_timestamp() end
  where event_id = old.winner_event_id;
  return null;
end
$$;

comment on function private.lose_content() is
  'A report has another winner: the content of the one before is lost from now on, or forgotten at once where its owner edits an edit within 10 minutes.';
revoke all on function private.lose_content() from public, anon, authenticated, service_role;

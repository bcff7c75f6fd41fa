-- Why: an event whose type, stage and channel contradict each other was accepted, and nothing found it afterwards.

-- A migration of its own, so that it holds no other large table.
select private.lock_table('report_events');
alter table public.report_events
  add constraint event_type_fits_its_stage check (split_part(type, '.', 2) in (stage, 'owner', 'deleted')) not valid,
  add constraint edit_is_of_channel_owner check (
    type = 'report.deleted' or (type = 'report.owner.edited') = (channel = 'owner')) not valid,
  add constraint deletion_has_no_content check (type <> 'report.deleted' or erased_at is not null) not valid;
select from private.finish_table('report_events', p_now => true);

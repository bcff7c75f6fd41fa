comment on table public.report_events is
  'The immutable fact that a job finished, an owner edited a text, or a report was deleted. The content stands in private.report_contents.';
comment on column public.report_events.requested_at is 'The order among events of a report: (stage, requested_at, id).';
comment on column public.report_events.digest is 'SHA-256 of type, subject and content, without times; random once the content is erased.';
comment on column public.report_events.channel is 'Who applied it first.';
comment on column public.report_events.effect is 'The effect of applying the event. Null: recorded, but not applied yet.';
comment on column public.report_events.position is '1, 2, … in its report, in the order of effects.';
comment on column public.report_events.erased_at is 'When forget_event() erased its content. Id, order and audit stay.';
comment on column public.report_events.trace_id is 'Of its job, or of the request that brought it. Null: from before there were traces.';
comment on column public.report_events.settings_revision is
  'The newest revision of subscribers'' settings that its fan-out saw. Null: nobody had subscribed, or it was imported.';
comment on column public.report_events.applied_xid is
  'The transaction of its effect: what is below pg_snapshot_xmin() will not get another neighbour.';
alter table public.report_events enable row level security;
revoke all on table public.report_events from anon, authenticated, service_role;
grant select on table public.report_events to authenticated;
drop policy if exists "operators read" on public.report_events;
create policy "operators read" on public.report_events for select to authenticated
  using ((select private.is_operator()));
create or replace trigger keep_event before update or delete on public.report_events
  for each row execute function private.keep_event();

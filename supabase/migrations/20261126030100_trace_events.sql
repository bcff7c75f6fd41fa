-- Why: an event keeps the trace of its job, and tells subscribers of its effect. A migration of its own, so that it holds no other
-- table.

select private.lock_table('report_events');
alter table public.report_events add column trace_id text
  constraint event_trace_is_an_id check (trace_id ~ '^[0-9a-f]{32}$');
-- Events of before have no trace, so that it begins empty.
create index report_events_trace on public.report_events (trace_id) where trace_id is not null;
alter table public.report_events
  add column settings_revision bigint,
  add column applied_xid xid8,
  drop constraint event_type_is_known,
  -- Wider than the one before, so that no row can break it.
  add constraint event_type_is_known check (type in (
    'report.prelim.completed', 'report.prelim.failed', 'report.final.completed', 'report.final.failed',
    'report.owner.edited', 'report.deleted')) not valid,
  -- Type, stage and channel tell the same.
  add constraint event_type_fits_its_stage check (split_part(type, '.', 2) in (stage, 'owner', 'deleted')) not valid,
  add constraint edit_is_of_channel_owner check (
    type = 'report.deleted' or (type = 'report.owner.edited') = (channel = 'owner')) not valid,
  add constraint deletion_has_no_content check (type <> 'report.deleted' or erased_at is not null) not valid;
-- Each event of a job of ours is written twice: when the job finishes, and with its effect. By default autovacuum waits for 20 % of
-- all events ever made, and each look at a report's events reads past the first versions until then, as with deliveries.
alter table public.report_events set (autovacuum_vacuum_scale_factor = 0.02);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/events/report_events.sql
comment on table public.report_events is
  'The immutable fact that a job finished, an owner edited a text, or a report was deleted. The content stands in private.report_contents.';
comment on column public.report_events.requested_at is 'The order among events of a report: (stage, requested_at, id).';
comment on column public.report_events.digest is 'SHA-256 of type, subject and content, without times; random once the content is erased.';
comment on column public.report_events.channel is 'Who applied it first.';
comment on column public.report_events.effect is 'What applying it did. Null: it is known and not applied yet.';
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

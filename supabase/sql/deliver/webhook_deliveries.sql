comment on table public.webhook_deliveries is
  'The outbox: the duty to bring one event to one endpoint. private.move_delivery() is the one writer of its state.';
comment on column public.webhook_deliveries.plan is '0 is the live delivery; the others are replays.';
comment on column public.webhook_deliveries.position is
  'Of its event in the report, where it goes to a subscriber: a report''s next event is sent when the one before it has ended.';
comment on column public.webhook_deliveries.waits_for is
  'The delivery before it in its report. No claim looks at it until that has ended.';
comment on column public.webhook_deliveries.claimed_at is 'When its present or last round began.';
comment on column public.webhook_deliveries.body is 'full, or thin: without the content.';
comment on column public.webhook_deliveries.redrives is 'How often an operator redrove the delivery: a redriven one has no place in the order.';
comment on column public.webhook_deliveries.created_xid is
  'The transaction that made it, for subscribers: what is below pg_snapshot_xmin() will not get another neighbour.';
comment on column public.webhook_deliveries.format_version is 'Of the body: a delivery keeps the version it was made with.';
comment on column public.webhook_deliveries.attempts is 'POSTs made.';
comment on column public.webhook_deliveries.counted_on_arrival is
  'The endpoint counted one POST of the present round when it arrived; the sender''s record leaves that one out.';
comment on column public.webhook_deliveries.rounds is 'Recorded rounds that failed: the place in the durable schedule.';
comment on column public.webhook_deliveries.lease_token is 'Fencing token: raised by every claim.';
comment on column public.webhook_deliveries.claim_id is 'Of the last claim: a repeated call is recognised by it.';
comment on column public.webhook_deliveries.status_before_claim is
  'The status to show again when the lease of the last claim expires.';
alter table public.webhook_deliveries enable row level security;
revoke all on table public.webhook_deliveries from anon, authenticated, service_role;
revoke all on sequence public.webhook_deliveries_id_seq from anon, authenticated, service_role;
grant select on table public.webhook_deliveries to authenticated;
drop policy if exists "operators read" on public.webhook_deliveries;
create policy "operators read" on public.webhook_deliveries for select to authenticated
  using ((select private.is_operator()));
-- A report shows only its deliveries to our own endpoints.
create or replace trigger show_delivery after insert on public.webhook_deliveries
  for each row when (new.position is null) execute function private.show_delivery();
create or replace trigger show_changed_delivery after update on public.webhook_deliveries
  for each row when (
    new.position is null and (old.status, old.attempts, old.last_attempt, old.response, old.dead_at)
      is distinct from (new.status, new.attempts, new.last_attempt, new.response, new.dead_at))
  execute function private.show_delivery();

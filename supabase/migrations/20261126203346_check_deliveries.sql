-- Why: a delivery to our own endpoint could be withdrawn or replayed like one to a subscriber, and one that had ended could wait.

-- A migration of its own, so that it holds no other large table.
select private.lock_table('webhook_deliveries');
alter table public.webhook_deliveries
  add constraint only_subscribers_deliveries_are_withdrawn check (
    status not in ('superseded', 'cancelled') or position is not null) not valid,
  add constraint only_subscribers_deliveries_are_replayed check (plan = 0 or position is not null) not valid,
  add constraint waiting_delivery_is_open_and_has_an_order check (
    waits_for is null
      or position is not null and dead_at is null and status not in ('success', 'superseded', 'cancelled')) not valid,
  add constraint only_a_success_is_counted_on_arrival check (not counted_on_arrival or status = 'success') not valid;
select from private.finish_table('webhook_deliveries', p_now => true);

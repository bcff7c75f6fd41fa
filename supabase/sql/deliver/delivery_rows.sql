create or replace view private.delivery_rows with (security_invoker = true) as
  select delivery.id, delivery.event_id, delivery.endpoint_id, delivery.job_id, delivery.report_type, delivery.report_id,
    event.stage, delivery.status, delivery.attempts, delivery.created_at, delivery.last_attempt, delivery.next_attempt,
    delivery.dead_at, delivery.dead_reason, delivery.response ->> 'error' as error,
    case when delivery.response ->> 'status' ~ '^[1-5][0-9]{2}$' then (delivery.response ->> 'status')::int end
      as response_status,
    "left"(delivery.response ->> 'response', 500) as response_excerpt, event.channel, event.effect
  from public.webhook_deliveries delivery
  join public.report_events event on event.id = delivery.event_id;

comment on view private.delivery_rows is 'A delivery, what came of its last attempt, and what its event has done.';
revoke all on table private.delivery_rows from public, anon, authenticated, service_role;
grant select on table private.delivery_rows to authenticated;

-- Claiming can wait for the row of the report or its owner for as long as another transaction lasts. With this lock_timeout,
-- a sweep does not wait, but takes the next delivery.
create or replace function private.try_claim(
  p_delivery_id bigint, p_lease_seconds int, p_claim_id uuid, p_probe_of text default null)
returns jsonb
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_delivery public.webhook_deliveries;
  v_earlier bigint;
  v_claim jsonb;
begin
  select * into v_delivery from public.webhook_deliveries
  where id = p_delivery_id
    -- Checked again under the lock: another sweep may have claimed or parked it since.
    and waits_for is null and status not in ('success', 'superseded', 'cancelled') and dead_at is null and private.lease_is_free(lease_expires_at)
  for update skip locked;
  if v_delivery.id is null then
    return null;
  end if;
  if v_delivery.position is not null and v_delivery.plan = 0 and v_delivery.redrives = 0 then
    if private.is_overtaken(v_delivery) then
      perform private.move_delivery(p_delivery_id, 'superseded');
      return '{"set_aside": true}';
    end if;
    -- Per report, a later delivery waits for earlier ones, also while the POST of an ended one is still in progress.
    select id into v_earlier from public.webhook_deliveries
    where endpoint_id = v_delivery.endpoint_id and report_id = v_delivery.report_id and report_type = v_delivery.report_type
      and plan = 0 and redrives = 0 and position < v_delivery.position
      and status not in ('success', 'superseded', 'cancelled') and dead_at is null
    order by position desc limit 1;
    if v_earlier is null then
      select id into v_earlier from public.webhook_deliveries
      where endpoint_id = v_delivery.endpoint_id and lease_expires_at >= now()
        and report_id = v_delivery.report_id and report_type = v_delivery.report_type
        and plan = 0 and redrives = 0 and position < v_delivery.position
      order by position desc limit 1;
    end if;
    if v_earlier is not null then
      -- The lock prevents the earlier delivery from ending before this one is parked. If it is locked now, this delivery is
      -- examined again later.
      perform from public.webhook_deliveries
      where id = v_earlier for key share skip locked;
      if found and private.holds_back(v_earlier) then
        perform private.move_delivery(p_delivery_id, 'parked', p_waits_for => v_earlier);
        return '{"set_aside": true}';
      end if;
      return null;
    end if;
  end if;
  if p_probe_of is not null then
    if v_delivery.position is null then
      -- Claiming locks the report; circuits are locked after reports.
      perform private.lock_report(v_delivery.report_type, v_delivery.report_id);
    end if;
    if not private.take_probe(p_probe_of, v_delivery.id, v_delivery.lease_token + 1, p_lease_seconds) then
      -- Another process holds the probe. The exception releases the locks of the delivery and its report before others are
      -- taken.
      raise exception 'no probe' using errcode = 'PL003';
    end if;
  end if;
  v_claim := private.claim_delivery(p_delivery_id, p_lease_seconds, p_claim_id);
  if v_claim -> 'body' = 'null' then
    perform private.move_delivery(
      p_delivery_id, 'closed', p_token => (v_claim ->> 'delivery_token')::bigint, p_reason => 'unsendable');
    -- Another delivery may probe at once.
    update public.webhook_circuits set probe_delivery_id = null, probe_token = null, probe_lease_expires_at = null
    where endpoint_id = p_probe_of and probe_delivery_id = p_delivery_id;
    return '{"set_aside": true}';
  end if;
  return v_claim;
exception
  when sqlstate 'PL003' then
    return null;
  when lock_not_available then
    return jsonb_build_object('left_out', 'held', 'delivery_id', p_delivery_id, 'event_id', v_delivery.event_id);
  when others then
    return jsonb_build_object(
      'left_out', 'error', 'delivery_id', p_delivery_id, 'event_id', v_delivery.event_id, 'error', "left"(sqlerrm, 200));
end
$$;

comment on function private.try_claim(bigint, int, uuid, text) is
  'Claims a delivery if that needs no waiting. Null: somebody else has it. With set_aside: another of its report goes first, or instead, or it cannot be sent; look for the next. With left_out: its report is held by a transaction, or it cannot be claimed. p_probe_of: the endpoint whose probe it must be.';
revoke all on function private.try_claim(bigint, int, uuid, text) from public, anon, authenticated, service_role;

-- Each kind of delivery is read in the order of its own index, so that a backlog of one kind is not scanned to find another.
create or replace function private.due_at(p_endpoint_id text, p_kind text, p_left_out bigint[], p_limit int)
returns table (id bigint)
language plpgsql stable set search_path = '' as $$
declare
  v_found int := 0;
  v_rows int;
begin
  if p_kind = 'internal' then
    return query
    select due.id from private.due_deliveries due
    where due.endpoint_id = p_endpoint_id and due.id <> all (p_left_out)
    order by due.next_attempt, due.id limit p_limit;
    return;
  end if;
  -- First deliveries, then retries, then replays.
  for v_class in 0..2 loop
    return query
    select due.id from public.webhook_deliveries due
    where due.endpoint_id = p_endpoint_id and due.position is not null
      and due.status not in ('success', 'superseded', 'cancelled') and due.dead_at is null and due.waits_for is null
      and case when due.plan > 0 then 2 when due.rounds > 0 then 1 else 0 end = v_class
      and due.next_attempt <= now() and (due.lease_expires_at is null or due.lease_expires_at < now())
      and due.id <> all (p_left_out)
    order by due.next_attempt, due.id limit p_limit - v_found;
    get diagnostics v_rows = row_count;
    v_found := v_found + v_rows;
    exit when v_found >= p_limit;
  end loop;
end
$$;

comment on function private.due_at(text, text, bigint[], int) is
  'Up to p_limit deliveries that are due at this endpoint, in the order in which they go: of a subscriber first deliveries before retries before replays.';
revoke all on function private.due_at(text, text, bigint[], int) from public, anon, authenticated, service_role;

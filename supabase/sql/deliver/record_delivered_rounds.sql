-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
-- Takes the locks of several records, out of order. lock_timeout is shorter than deadlock_timeout, so no deadlock can last.
create or replace function public.record_delivered_rounds(p_rounds jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' set lock_timeout = '50ms' as $$
declare
  v_round record;
  v_answers jsonb := '[]';
begin
  for v_round in
    select (value ->> 'delivery_id')::bigint as delivery_id, (value ->> 'delivery_token')::bigint as token,
      value -> 'attempts' as attempts, number
    from jsonb_array_elements(p_rounds) with ordinality round (value, number)
    order by 1
  loop
    begin
      v_answers := v_answers || jsonb_build_object('number', v_round.number, 'recorded',
        public.record_delivery_attempts(v_round.delivery_id, v_round.token, 'delivered', v_round.attempts));
    exception when others then
      -- Null: the caller records this round separately, which may wait for locks and reports the error.
      v_answers := v_answers || jsonb_build_object('number', v_round.number, 'recorded', null);
    end;
  end loop;
  return (select coalesce(jsonb_agg(one -> 'recorded' order by (one ->> 'number')::int), '[]')
    from jsonb_array_elements(v_answers) one);
end
$$;

comment on function public.record_delivered_rounds(jsonb) is
  'Records rounds that ended as delivered: [{delivery_id, delivery_token, attempts}]. Returns what record_delivery_attempts() answers for each, in the order asked; null for one that was not recorded and must be by itself. One that fails harms no other.';
revoke all on function public.record_delivered_rounds(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_delivered_rounds(jsonb) to service_role;

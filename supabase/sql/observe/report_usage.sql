-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.report_usage(
  p_function text, p_invocations int, p_cpu_ms bigint, p_memory_bytes bigint)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  insert into private.function_usage as known (name, invocations, cpu_ms, memory_bytes, memory_at)
  values (p_function, greatest(p_invocations, 0), greatest(p_cpu_ms, 0), greatest(p_memory_bytes, 0), now())
  on conflict (name) do update
  set invocations = known.invocations + excluded.invocations,
    cpu_ms = known.cpu_ms + excluded.cpu_ms,
    (memory_bytes, memory_at) = (
      select most.memory_bytes, most.memory_at
      from (values (known.memory_bytes, known.memory_at), (excluded.memory_bytes, excluded.memory_at)) most (memory_bytes, memory_at)
      where most.memory_at > now() - interval '15 minutes'
      order by most.memory_bytes desc, most.memory_at desc limit 1);
  return private.is_unwatched();
end
$$;

comment on function public.report_usage(text, int, bigint, bigint) is
  'Adds what an instance of a function has used since its last report: calls answered, CPU time, and the most memory it ever had. Returns is_unwatched(): then the caller evaluates the alerts. A repeated call adds again: it is not recognised, since these figures are only read by people.';
revoke all on function public.report_usage(text, int, bigint, bigint) from public, anon, authenticated, service_role;
grant execute on function public.report_usage(text, int, bigint, bigint) to service_role;

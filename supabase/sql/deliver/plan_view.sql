create or replace function private.plan_view(p_plan public.plans)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return to_jsonb(p_plan) - '{request_id,position,faults,next_slice_at,applied_xid}'::text[];
end
$$;

comment on function private.plan_view(public.plans) is
  'A plan as people see it.';
revoke all on function private.plan_view(public.plans) from public, anon, authenticated, service_role;
grant execute on function private.plan_view(public.plans) to authenticated;

create or replace function private.keep_audit()
returns trigger
language plpgsql volatile set search_path = '' as $$
declare
  v_forgotten public.webhook_audit;
begin
  -- Other roles have no right to call these functions, and would get a permission error in place of the refusal below.
  if current_user = 'postgres' then
    if tg_op = 'DELETE' and private.is_retention() then
      return old;
    elsif tg_op = 'UPDATE' and private.is_retention() then
      v_forgotten := private.without_content(old);
      if v_forgotten operator(pg_catalog.*=) new then
        return new;
      end if;
    end if;
  end if;
  raise exception 'webhook_audit is append-only' using errcode = 'PL001';
end
$$;

comment on function private.keep_audit() is
  'Refuses every change of an audit row but the erasure of its content, and its deletion by anybody but retention.';
revoke all on function private.keep_audit() from public, anon, authenticated, service_role;

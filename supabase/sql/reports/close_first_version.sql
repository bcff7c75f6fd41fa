create or replace function private.close_first_version(p_force boolean default false)
returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_last timestamptz := (
    select max(applied_at) from public.report_events where channel = 'platform' and applied_at > now() - interval '1 day');
begin
  -- Null does not count as consent.
  if v_last is not null and p_force is not true then
    return format('Nothing was closed: the platform wrote a result at %s. Wait a day after its last one, or say '
      || 'private.close_first_version(true).', v_last);
  end if;
  update private.first_version set closed_at = coalesce(closed_at, now()) where only_row;
  revoke execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) from service_role;
  revoke execute on function public.get_failed_webhooks(int, int) from service_role;
  return 'Results are written through the webhooks alone. select private.open_first_version() undoes it.';
end
$$;

comment on function private.close_first_version(boolean) is
  'Refuses from now on results that others than our functions write, and closes the two functions of the first version. Returns what it did.';
revoke all on function private.close_first_version(boolean) from public, anon, authenticated, service_role;

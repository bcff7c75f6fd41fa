create or replace function private.open_first_version()
returns text
language plpgsql volatile set search_path = '' as $$
begin
  update private.first_version set closed_at = null where only_row;
  grant execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) to service_role;
  grant execute on function public.get_failed_webhooks(int, int) to service_role;
  return 'The platform''s first functions may write results again.';
end
$$;

comment on function private.open_first_version() is
  'Undoes close_first_version().';
revoke all on function private.open_first_version() from public, anon, authenticated, service_role;

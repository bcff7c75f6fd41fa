comment on table public.webhook_endpoints is
  'The places that deliveries go to: our own two webhook functions, and subscribers. Never deleted.';
comment on column public.webhook_endpoints.stage is 'The stage whose events an internal endpoint takes.';
comment on column public.webhook_endpoints.expects is
  'The proof of a delivery: the answer of our own webhook functions for this job, or any 2xx.';
alter table public.webhook_endpoints enable row level security;
revoke all on table public.webhook_endpoints from anon, authenticated, service_role;
grant select on table public.webhook_endpoints to authenticated;
drop policy if exists "operators read" on public.webhook_endpoints;
create policy "operators read" on public.webhook_endpoints for select to authenticated
  using ((select private.is_operator()));
create or replace trigger keep_endpoint before delete on public.webhook_endpoints
  for each row execute function private.keep_endpoint();
create or replace trigger keep_endpoints before truncate on public.webhook_endpoints
  for each statement execute function private.keep_endpoint();

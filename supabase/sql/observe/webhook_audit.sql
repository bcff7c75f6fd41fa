drop policy if exists "operators read" on public.webhook_audit;
create policy "operators read" on public.webhook_audit for select to authenticated
  using ((select private.is_operator()));
create or replace trigger keep_audit before update or delete on public.webhook_audit
  for each row execute function private.keep_audit();
create or replace trigger keep_audit_whole before truncate on public.webhook_audit
  for each statement execute function private.keep_audit();
comment on column public.webhook_audit.webhook_type is 'What the platform''s functions write. Our rows name an endpoint_id.';
comment on column public.webhook_audit.request_payload is 'The envelope without the report''s text.';
comment on column public.webhook_audit.actor is '`cron`, or the id of the operator who asked. Null: a sender.';
comment on column public.webhook_audit.round is 'The fencing token of the round that an attempt belongs to.';

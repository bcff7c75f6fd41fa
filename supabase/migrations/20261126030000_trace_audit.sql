-- Why: audit rows name the trace and the span that they belong to. A migration of its own, so that it holds no other table.

select private.lock_table('webhook_audit');
alter table public.webhook_audit
  add column trace_id text,
  add column span_id text;

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/observe/webhook_audit.sql
comment on column public.webhook_audit.trace_id is 'Of its event, or else of the request (W3C Trace Context).';
comment on column public.webhook_audit.span_id is
  'An attempt''s own span, which it sends; of a received request the span that it came with. So the two name each other.';
drop policy if exists "operators read" on public.webhook_audit;
create policy "operators read" on public.webhook_audit for select to authenticated
  using ((select private.is_operator()));
create or replace trigger keep_audit before update or delete on public.webhook_audit
  for each row execute function private.keep_audit();
create or replace trigger keep_audit_whole before truncate on public.webhook_audit
  for each statement execute function private.keep_audit();
create or replace trigger strip_audit before insert on public.webhook_audit
  for each row when (current_user <> 'postgres') execute function private.strip_audit();

comment on table public.webhook_roll_up is
  'One row: audit rows from before this time are counted, later ones are not.';
alter table public.webhook_roll_up enable row level security;
revoke all on table public.webhook_roll_up from anon, authenticated, service_role;
grant select on table public.webhook_roll_up to authenticated;
drop policy if exists "operators read" on public.webhook_roll_up;
create policy "operators read" on public.webhook_roll_up for select to authenticated
  using ((select private.is_operator()));

drop policy if exists "operators read" on public.polaris_summaries;
create policy "operators read" on public.polaris_summaries for select to authenticated
  using ((select private.is_operator()));
-- Deleting a summary deletes its reports, in an order of its own.
create or replace trigger lock_owner before delete on public.polaris_summaries
  for each statement when (current_user in ('anon', 'authenticated')) execute function private.lock_owner();

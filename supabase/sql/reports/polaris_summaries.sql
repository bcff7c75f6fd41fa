drop policy if exists "operators read" on public.polaris_summaries;
create policy "operators read" on public.polaris_summaries for select to authenticated
  using ((select private.is_operator()));

-- Why: people reach their own rows, and nobody else's.

drop policy if exists "owners select" on public.polaris_summaries;
create policy "owners select" on public.polaris_summaries for select to authenticated
  using ((select auth.uid()) = user_id);

drop policy if exists "owners insert" on public.polaris_summaries;
create policy "owners insert" on public.polaris_summaries for insert to authenticated
  with check ((select auth.uid()) = user_id);

drop policy if exists "owners update" on public.polaris_summaries;
create policy "owners update" on public.polaris_summaries for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);

drop policy if exists "owners delete" on public.polaris_summaries;
create policy "owners delete" on public.polaris_summaries for delete to authenticated
  using ((select auth.uid()) = user_id);

drop policy if exists "owners select" on public.report_jobs;
create policy "owners select" on public.report_jobs for select to authenticated
  using ((select auth.uid()) = user_id);

drop policy if exists "owners insert" on public.report_jobs;
create policy "owners insert" on public.report_jobs for insert to authenticated
  with check ((select auth.uid()) = user_id);

drop policy if exists "owners update" on public.report_jobs;
create policy "owners update" on public.report_jobs for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);

drop policy if exists "owners delete" on public.report_jobs;
create policy "owners delete" on public.report_jobs for delete to authenticated
  using ((select auth.uid()) = user_id);

drop policy if exists "owners select" on public.greeting_reports;
create policy "owners select" on public.greeting_reports for select to authenticated
  using ((select auth.uid()) = user_id);

drop policy if exists "owners insert" on public.greeting_reports;
create policy "owners insert" on public.greeting_reports for insert to authenticated
  with check ((select auth.uid()) = user_id);

drop policy if exists "owners update" on public.greeting_reports;
create policy "owners update" on public.greeting_reports for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);

drop policy if exists "owners delete" on public.greeting_reports;
create policy "owners delete" on public.greeting_reports for delete to authenticated
  using ((select auth.uid()) = user_id);

drop policy if exists "owners select" on public.org_reports;
create policy "owners select" on public.org_reports for select to authenticated
  using ((select auth.uid()) = user_id);

drop policy if exists "owners insert" on public.org_reports;
create policy "owners insert" on public.org_reports for insert to authenticated
  with check ((select auth.uid()) = user_id);

drop policy if exists "owners update" on public.org_reports;
create policy "owners update" on public.org_reports for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);

drop policy if exists "owners delete" on public.org_reports;
create policy "owners delete" on public.org_reports for delete to authenticated
  using ((select auth.uid()) = user_id);

drop policy if exists "owners select" on public.requirement_reports;
create policy "owners select" on public.requirement_reports for select to authenticated
  using ((select auth.uid()) = user_id);

drop policy if exists "owners insert" on public.requirement_reports;
create policy "owners insert" on public.requirement_reports for insert to authenticated
  with check ((select auth.uid()) = user_id);

drop policy if exists "owners update" on public.requirement_reports;
create policy "owners update" on public.requirement_reports for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);

drop policy if exists "owners delete" on public.requirement_reports;
create policy "owners delete" on public.requirement_reports for delete to authenticated
  using ((select auth.uid()) = user_id);

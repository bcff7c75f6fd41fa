-- Definer rights: Auth deletes accounts in a role of its own, which has no rights on reports and jobs.
create or replace function private.lock_account()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_type public.report_types;
begin
  -- The user's foreign keys delete in the order of their creation: jobs before reports, which is not our lock order.
  -- Deliveries come before the user, and are not waited for: close_report() skips those that a sender holds.
  perform from public.polaris_summaries where user_id = old.id order by id for update;
  for v_type in select * from public.report_types order by report_type loop
    execute format('select from public.%I where user_id = $1 order by id for update', v_type.table_name) using old.id;
  end loop;
  perform from public.report_jobs where user_id = old.id order by job_id for update;
  return old;
end
$$;

comment on function private.lock_account() is
  'Before an account is deleted, locks what is deleted with it in the one order of locks: user, summaries, reports, jobs. Otherwise the deletion and a writer of a report can wait for each other.';
revoke all on function private.lock_account() from public, anon, authenticated, service_role;

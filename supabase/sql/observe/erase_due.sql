-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.erase_due(p_limit int, p_user_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_longest constant interval := '2 seconds';
  v_deadline timestamptz := clock_timestamp() + c_longest;
  v_is_cancelled boolean := false;
  v_is_told boolean;
  v_due private.erasures;
  -- Accounts that are done, except for reports that are still in the queue.
  v_accounts bigint[] := '{}';
  v_reports int := 0;
  v_users jsonb;
  v_errors jsonb := '[]';
begin
  for v_due in
    select * from private.erasures
    where report_id is null and (p_user_id is null or user_id = p_user_id)
    -- Unfinished ones that were tried most recently come last.
    order by tried_at nulls first, id
    limit p_limit
    for update skip locked
  loop
    exit when v_is_cancelled or clock_timestamp() > v_deadline;
    update private.erasures set tried_at = clock_timestamp() where id = v_due.id;
    begin
      if private.erase_account(v_due.user_id, p_limit, v_deadline) then
        v_accounts := v_accounts || v_due.id;
      end if;
    exception
      when lock_not_available then
        null;
      when query_canceled or others then
        -- One failing erasure does not stop the others. One that used up the time of the whole call is still marked as tried,
        -- so it comes last.
        v_is_cancelled := sqlstate = '57014';
        v_errors := v_errors || jsonb_build_object('user_id', v_due.user_id, 'error', "left"(sqlerrm, 200));
    end;
  end loop;
  for v_due in
    select * from private.erasures
    where report_id is not null and (p_user_id is null or user_id = p_user_id)
    order by tried_at nulls first, id
    limit p_limit
    for update skip locked
  loop
    exit when v_is_cancelled or clock_timestamp() > v_deadline;
    update private.erasures set tried_at = clock_timestamp() where id = v_due.id;
    begin
      -- Separately, so that subscribers are told even if a part of the content is locked.
      v_is_told := false;
      perform private.tell_deletion(v_due.report_type, v_due.report_id, v_due.user_id);
      v_is_told := true;
    exception when query_canceled or others then
      v_is_cancelled := sqlstate = '57014';
      v_errors := v_errors || jsonb_build_object('report_id', v_due.report_id, 'error', "left"(sqlerrm, 200));
    end;
    begin
      if private.erase_report(v_due.report_type, v_due.report_id, p_limit, v_deadline) and v_is_told then
        delete from private.erasures where id = v_due.id;
        v_reports := v_reports + 1;
      end if;
    exception
      when lock_not_available then
        null;
      when query_canceled or others then
        v_is_cancelled := sqlstate = '57014';
        v_errors := v_errors || jsonb_build_object('report_id', v_due.report_id, 'error', "left"(sqlerrm, 200));
    end;
  end loop;
  with done as (
    delete from private.erasures account
    where id = any (v_accounts)
      and not exists (
        select from private.erasures report where report.user_id = account.user_id and report.report_id is not null)
    returning user_id)
  select coalesce(jsonb_agg(user_id), '[]') into v_users from done;
  return jsonb_build_object(
    'reports', v_reports, 'users', v_users, 'errors', v_errors,
    'busy', v_is_cancelled or clock_timestamp() > v_deadline,
    'left', exists (select from private.erasures where p_user_id is null or user_id = p_user_id));
end
$$;

comment on function public.erase_due(int, uuid) is
  'Erases the content of reports and accounts that were deleted, up to p_limit of each and for about two seconds; only those of p_user_id where it is given. Waits for no lock: the next call goes on. Returns {reports: how many are done, users: [user id] whose accounts are done, errors: [{user_id or report_id, error}], busy: it ended for its time, left: whether any waits}.';
revoke all on function public.erase_due(int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.erase_due(int, uuid) to service_role;

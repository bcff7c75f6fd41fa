create or replace function private.verify_bound(p_part text, p_after text, p_limit int)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_reports uuid;
  v_events uuid;
begin
  case p_part
    when 'rest' then
      return null;
    when 'jobs' then
      return (
        select job_id from private.job_runs where job_id > p_after or p_after is null
        order by job_id offset p_limit - 1 limit 1);
    else
      execute format('select id from public.%I where id > $1 or $1 is null order by id offset $2 limit 1',
        private.report_table(p_part))
      into v_reports using p_after::uuid, p_limit - 1;
      -- Deleted reports have events too, and a report may have many.
      select report_id into v_events from public.report_events where report_id > p_after::uuid or p_after is null
      order by report_id offset 5 * p_limit limit 1;
      return least(v_reports, v_events);
  end case;
end
$$;

comment on function private.verify_bound(text, text, int) is
  'The end of a slice of this part that begins after this id: p_limit reports or jobs further, with at most five times as many events. Null: the end of the part.';
revoke all on function private.verify_bound(text, text, int) from public, anon, authenticated, service_role;

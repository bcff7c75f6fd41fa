-- Definer rights: nobody but our functions reads contents; it asks who the caller is itself.
create or replace function public.report_results(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_owner uuid;
begin
  if private.report_table(p_report_type) is null then
    return null;
  end if;
  execute format('select user_id from public.%I where id = $1', private.report_table(p_report_type))
  into v_owner using p_report_id;
  if v_owner is null or v_owner is distinct from (select auth.uid()) and not private.is_operator() then
    return null;
  end if;
  return (
    select coalesce(jsonb_agg(newest order by newest.stage desc), '[]')
    from unnest('{prelim,final}'::text[]) stages (stage)
    cross join lateral (
      select event.stage, event.job_id, event.requested_at, content.research_report
      from public.report_events event
      left join private.report_contents content on content.event_id = event.id
      where event.report_id = p_report_id and event.report_type = p_report_type and event.stage = stages.stage
        and event.status = 'completed' and event.type <> 'report.owner.edited'
      order by event.requested_at desc, event.id collate "C" desc
      limit 1) newest);
end
$$;

comment on function public.report_results(text, uuid) is
  'The newest completed result of each stage, prelim first, to compare them. Null: there is no such report that the caller may see.';
revoke all on function public.report_results(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_results(text, uuid) to authenticated;

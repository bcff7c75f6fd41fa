-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.verify_slice()
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' set lock_timeout = '1s'
-- A slice must not read a whole table, however few rows the planner expects in it. Queries without an index then have such a
-- high cost that PostgreSQL would compile them first.
set enable_seqscan = off set jit = off as $$
declare
  c_batch constant int := 100;
  -- One slice per minute covers everything within a day, with time to spare.
  c_slices_a_day constant int := 1200;
  v_deadline timestamptz := clock_timestamp() + interval '1 second';
  v_parts text[] := array(select report_type from public.report_types order by report_type) || '{jobs,rest}';
  v_at private.verify_progress;
  v_target int;
  v_checked int := 0;
  v_found int := 0;
  -- The last id of the slice, inclusive; null: to the end of the part.
  v_to text;
  v_until uuid;
begin
  select * into v_at from private.verify_progress where only_row for update skip locked;
  if not found then
    -- Another sweep is verifying.
    return '{"checked": 0, "findings": 0, "finished": false}';
  end if;
  if v_at.part is null or v_at.part <> all (v_parts) then
    v_at.part := v_parts[1];
    v_at.place := null;
    v_at.finished_at := null;
  end if;
  select greatest(c_batch, ceil(sum(greatest(reltuples, 0)) / c_slices_a_day)) into v_target
  from pg_catalog.pg_class
  where oid = 'private.job_runs'::regclass
    or relnamespace = 'public'::regnamespace and relname in (select table_name from public.report_types);

  while v_checked < v_target and clock_timestamp() < v_deadline and v_at.part is not null loop
    v_to := private.verify_bound(v_at.part, v_at.place, c_batch);
    begin
      delete from private.verify_findings
      where part = v_at.part
        and case v_at.part
          when 'rest' then true
          -- The finding of a slice that could not be verified while it was the whole part.
          when 'jobs' then job_id is null and v_at.place is null
            or (job_id > v_at.place or v_at.place is null) and (job_id <= v_to or v_to is null)
          else report_id is null and v_at.place is null or (report_id > v_at.place::uuid or v_at.place is null) and (report_id <= v_to::uuid or v_to is null) end;
      insert into private.verify_findings (part, problem, report_type, report_id, event_id, job_id)
      select v_at.part, found.problem, found.report_type, found.report_id, found.event_id, found.job_id
      from private.verify_part(v_at.part, v_at.place, v_to) found
      limit 1000;
    exception when query_canceled or others then
      -- A slice that cannot be verified is a finding too, and must not stop the following ones. The delete above is undone.
      delete from private.verify_findings
      where part = v_at.part and starts_with(problem, 'a slice that could not be verified')
        and report_id is not distinct from case when v_at.part not in ('jobs', 'rest') then coalesce(v_to, v_at.place)::uuid end
        and job_id is not distinct from case when v_at.part = 'jobs' then coalesce(v_to, v_at.place) end;
      insert into private.verify_findings (part, problem, report_type, report_id, job_id)
      values (v_at.part, 'a slice that could not be verified: ' || sqlstate,
        case when v_at.part not in ('jobs', 'rest') then v_at.part end,
        case when v_at.part not in ('jobs', 'rest') then coalesce(v_to, v_at.place)::uuid end,
        case when v_at.part = 'jobs' then coalesce(v_to, v_at.place) end);
    end;
    v_checked := v_checked + c_batch;
    v_at.place := v_to;
    if v_to is null then
      v_at.part := v_parts[array_position(v_parts, v_at.part) + 1];
    end if;
  end loop;
  update private.verify_progress
  set part = v_at.part, place = v_at.place, finished_at = case when v_at.part is null then now() else finished_at end
  where only_row;
  return jsonb_build_object(
    'checked', v_checked, 'findings', (select count(*) from private.verify_findings), 'finished', v_at.part is null);
end
$$;

comment on function public.verify_slice() is
  'Verifies the next slice, for about a second, and keeps what it found in private.verify_findings: everything within a day when it is called each minute. Returns {checked, findings, finished}.';
revoke all on function public.verify_slice() from public, anon, authenticated, service_role;
grant execute on function public.verify_slice() to service_role;

create or replace function private.verify_part(p_part text, p_after text, p_to text)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  case p_part
    when 'jobs' then return query select * from private.verify_jobs(p_after, p_to);
    when 'rest' then return query select * from private.verify_rest();
    else return query select * from private.verify_range(p_part, p_after::uuid, p_to::uuid);
  end case;
end
$$;

comment on function private.verify_part(text, text, text) is
  'The broken invariants in a slice: of the reports of a type, of the jobs without a report (jobs), or of everything else (rest).';
revoke all on function private.verify_part(text, text, text) from public, anon, authenticated, service_role;

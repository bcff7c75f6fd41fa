create or replace function private.outcome_status(p_outcome text)
returns int
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when p_outcome in ('applied', 'duplicate', 'superseded') then 200
    when p_outcome = 'requested_in_future' then 400
    when p_outcome in ('report_not_found', 'job_not_found') then 404
    when p_outcome in ('event_conflict', 'job_conflict', 'job_mismatch', 'job_cancelled') then 409
    when p_outcome = 'rate_limited' then 429
    when p_outcome = 'busy' then 503
  end;
end
$$;

comment on function private.outcome_status(text) is
  'The HTTP status that a webhook endpoint answers an outcome with. A test compares it with the table of problem codes.';
revoke all on function private.outcome_status(text) from public, anon, authenticated, service_role;

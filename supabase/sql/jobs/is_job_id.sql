create or replace function private.is_job_id(p_job_id text)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return char_length(p_job_id) between 1 and 200;
end
$$;

comment on function private.is_job_id(text) is
  'Whether the contract''s endpoints read this as the id of a job: 1 to 200 characters.';
revoke all on function private.is_job_id(text) from public, anon, authenticated, service_role;

create or replace function private.content_digest(p_result private.incoming_result)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- Texts are hashed unchanged, so no canonical form of a large text is built. jsonb prints a canonical text itself: one
  -- order of members, one spelling of every value. Null counts as absent, as when a body is read.
  return encode(sha256(convert_to(jsonb_build_array(
    p_result.type, p_result.report_type, p_result.report_id, p_result.job_id,
    encode(sha256(convert_to(p_result.research_report, 'UTF8')), 'hex'),
    encode(sha256(convert_to(nullif(p_result.research_metadata, 'null')::text, 'UTF8')), 'hex'),
    encode(sha256(convert_to(nullif(p_result.final_data, 'null')::text, 'UTF8')), 'hex'),
    p_result.error)::text, 'UTF8')), 'hex');
end
$$;

comment on function private.content_digest(private.incoming_result) is
  'SHA-256, in hexadecimal, of a result: its type, what it is about and its content, without times.';
revoke all on function private.content_digest(private.incoming_result) from public, anon, authenticated, service_role;

create or replace function private.audit_step(p_row public.webhook_audit)
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  v_endpoint constant text := p_row.request_payload ->> 'endpoint';
begin
  return jsonb_build_object('at', p_row.created_at, 'audit_id', p_row.id) || case
    when p_row.outcome in ('redriven', 'brought_forward') then jsonb_build_object('kind', p_row.outcome, 'actor', p_row.actor)
    when v_endpoint = 'jobs' then jsonb_build_object('kind', 'job_action', 'actor', p_row.actor, 'outcome', p_row.outcome)
    else jsonb_build_object(
        'outcome', p_row.outcome, 'response_status', p_row.response_status, 'duration_ms', p_row.duration_ms,
        'error', "left"(p_row.error_message, 2000))
      || case
        when v_endpoint = 'retry' then jsonb_build_object('kind', 'retried', 'actor', p_row.actor)
        when p_row.direction = 'out' then jsonb_build_object('kind', 'attempt', 'attempt_number', p_row.attempt_number)
        else jsonb_build_object('kind', 'request', 'body_bytes', p_row.body_bytes) end
    end;
end
$$;

comment on function private.audit_step(public.webhook_audit) is
  'An audit row as a step of a timeline: {kind, at, audit_id, …}, with the first 2,000 characters of its error. kind: attempt, request, retried, redriven, brought_forward, or job_action (an operator cancelled or repeated a job).';
revoke all on function private.audit_step(public.webhook_audit) from public, anon, authenticated, service_role;
grant execute on function private.audit_step(public.webhook_audit) to authenticated;

-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.take_sender_token(p_sender text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_asked record := private.ask_limit('sender', p_sender, true);
begin
  return jsonb_build_object('refusal', v_asked.refusal, 'failure', v_asked.failure);
end
$$;

comment on function public.take_sender_token(text) is
  'Takes a token of a sender for a verified request that changes nothing, before it is audited. Returns {refusal, failure} of ask_limit(). A repeated call takes another token: it is not recognised, since that would cost each call a row.';
revoke all on function public.take_sender_token(text) from public, anon, authenticated, service_role;
grant execute on function public.take_sender_token(text) to service_role;

create or replace function private.choose_model(p_model text, p_models text[])
returns text
language sql immutable set search_path = '' as $$
  select case when p_models is null or p_model = any (p_models) then p_model else p_models[1] end
$$;

comment on function private.choose_model(text, text[]) is
  'The model that a job is generated with: the one that was asked for where the deployment offers it, else the first of p_models. Null where p_models is empty, since no model generates then; unchanged where p_models is null.';
revoke all on function private.choose_model(text, text[]) from public, anon, authenticated, service_role;

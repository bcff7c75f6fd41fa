create or replace function private.note_secrets(p_secrets jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into private.secret_fingerprints (name, fingerprint)
  select variable.key, fingerprint
  from jsonb_each(p_secrets) variable, jsonb_array_elements_text(variable.value) fingerprint
  on conflict (name, fingerprint) do update set is_current = true where not secret_fingerprints.is_current;
  update private.secret_fingerprints set is_current = false
  -- Null: no function has this variable any more.
  where is_current and (p_secrets -> name ? fingerprint) is not true;
end
$$;

comment on function private.note_secrets(jsonb) is
  'Keeps since when the functions have which secret. p_secrets: the fingerprints by the name of their variable.';
revoke all on function private.note_secrets(jsonb) from public, anon, authenticated, service_role;

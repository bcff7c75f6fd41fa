comment on table private.endpoint_secrets is
  'The signing secrets of subscribers, encrypted with a key that only the functions have.';
comment on column private.endpoint_secrets.expires_at is 'Null: the newest. Until then an older one signs too.';
alter table private.endpoint_secrets enable row level security;
revoke all on table private.endpoint_secrets from anon, authenticated, service_role;
revoke all on sequence private.endpoint_secrets_id_seq from anon, authenticated, service_role;

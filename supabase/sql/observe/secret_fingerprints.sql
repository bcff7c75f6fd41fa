comment on table private.secret_fingerprints is
  'Since when the functions have which secret: a short hash of its own domain, from which no secret can be found.';
comment on column private.secret_fingerprints.is_current is 'The functions that reported last have it.';
alter table private.secret_fingerprints enable row level security;
revoke all on table private.secret_fingerprints from anon, authenticated, service_role;

comment on table private.subscribers is
  'Endpoints of other systems, with their states. A row is never deleted: deliveries and revisions name it.';
comment on column private.subscribers.request_id is 'Of the request that made it, minted by who asked: a repeated one is recognised by it.';
comment on column private.subscribers.in_flight_limit is
  'How many could send to it at once at limited_at; since then twice as many every ten seconds. Written only when it changes for the worse.';
comment on column private.subscribers.failing_since is 'Its first failure since its last success. Null: the last round succeeded.';
comment on column private.subscribers.read_token_sha256 is 'SHA-256 of its read token, as hex. Null: it is removed.';
comment on column private.subscribers.accepted_coding is
  'In which it has answered a compressed ping at its present URL. Null: in none, or it refused a compressed body since.';
comment on column private.subscribers.coding_refused_at is
  'When it refused a compressed body and took the same event uncompressed. Null: not since a check saw that it accepts them.';
alter table private.subscribers enable row level security;
revoke all on table private.subscribers from anon, authenticated, service_role;

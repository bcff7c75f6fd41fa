comment on table private.heartbeats is
  'Signs of life, one row each: signed pings that arrived, and sweeps that the cron asked for. The health check reads them.';
comment on column private.heartbeats.last_id is 'A repeated call is recognised by it.';
comment on column private.heartbeats.last_at is 'By the clock of the database. Null: none came yet.';
alter table private.heartbeats enable row level security;
revoke all on table private.heartbeats from anon, authenticated, service_role;

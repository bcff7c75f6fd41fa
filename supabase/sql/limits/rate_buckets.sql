comment on table private.rate_buckets is
  'How far the buckets are used up, a row for each part of a bucket that was used lately. A part without a row is full. Unlogged: after a crash, all are full.';
comment on column private.rate_buckets.key is
  'Of a sender the fingerprint of its key, of a report its type and id, of jobs and writes the id of the user.';
comment on column private.rate_buckets.full_at is
  'When the part is full again without further tokens taken (the theoretical arrival time of GCRA).';
comment on column private.rate_buckets.hour is
  'full_at, rounded down. Retention goes by an index on it: an index on full_at would change with every token.';
alter table private.rate_buckets enable row level security;
revoke all on table private.rate_buckets from public, anon, authenticated, service_role;

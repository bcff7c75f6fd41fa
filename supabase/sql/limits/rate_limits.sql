comment on table private.rate_limits is
  'The rates, one row of each kind. An operator changes them with an update: they hold from the next request on.';
comment on column private.rate_limits.kind is
  'sender: requests signed with one key. report: events for one report. job: new jobs of one user. write: rows of reports that one owner inserts or changes.';
comment on column private.rate_limits.tokens_per_minute is 'How many tokens a bucket gets back in a minute. Null: no limit.';
comment on column private.rate_limits.burst is 'How many tokens a full bucket has.';
comment on column private.rate_limits.parts is
  'Into how many rows a bucket is divided, each with its share of rate and burst, so that callers do not queue at one row.';
alter table private.rate_limits enable row level security;
revoke all on table private.rate_limits from public, anon, authenticated, service_role;

comment on table private.rate_limits is
  'The rates, one row of each kind. An operator changes them with an update: they hold from the next request on. A kind without a row is an error, which ask_limit() reports.';
comment on column private.rate_limits.kind is
  'sender: requests signed with one key. report: events for one report. job: new jobs of one user. write: rows of reports that one owner inserts or changes.';
comment on column private.rate_limits.tokens_per_minute is 'How many tokens a bucket gets back in a minute. Null: no limit.';
comment on column private.rate_limits.burst is 'How many tokens a full bucket has.';
comment on column private.rate_limits.parts is
  'Into how many rows a bucket is divided, each with its share of rate and burst, so that callers do not queue at one row.';
comment on column private.rate_limits.window_seconds is 'How long an empty bucket takes to be full.';
comment on column private.rate_limits.step is 'From one token of a part to its next.';
comment on column private.rate_limits.ahead is
  'A part that is full again within this time has a token; one without any is full a step later.';
comment on column private.rate_limits.beyond is
  'A part that is full only after this time was written a minute and more ahead, by a clock that was set back since or under other limits. It counts as full: otherwise it would give nothing for as long.';
alter table private.rate_limits enable row level security;
revoke all on table private.rate_limits from public, anon, authenticated, service_role;

comment on table private.endpoint_checks is
  'The checks of subscribers, with what each probe has found.';
comment on column private.endpoint_checks.host is 'Checks are limited by host: their requests are unsolicited.';
comment on column private.endpoint_checks.claim_id is
  'Minted by the function that began it: a repeated call is recognised by it. Null: a repeated call begins another check.';
comment on column private.endpoint_checks.passed is 'Null: it is under way, or its function died.';
comment on column private.endpoint_checks.compression is 'In which its probe of that name was sent: what the settings asked for then.';
alter table private.endpoint_checks enable row level security;
revoke all on table private.endpoint_checks from anon, authenticated, service_role;
revoke all on sequence private.endpoint_checks_id_seq from anon, authenticated, service_role;

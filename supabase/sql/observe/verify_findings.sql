comment on table private.verify_findings is
  'Findings of verify_slice() that are not repaired yet.';
comment on column private.verify_findings.part is 'The report type, `jobs` or `rest`: what was looked at.';
alter table private.verify_findings enable row level security;
revoke all on table private.verify_findings from anon, authenticated, service_role;

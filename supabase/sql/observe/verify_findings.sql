comment on table private.verify_findings is
  'What the slices of verify_slice() found and have not seen repaired.';
comment on column private.verify_findings.part is 'The report type, `jobs` or `rest`: what was looked at.';
alter table private.verify_findings enable row level security;
revoke all on table private.verify_findings from anon, authenticated, service_role;

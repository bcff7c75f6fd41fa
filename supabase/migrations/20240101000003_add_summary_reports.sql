-- Why: the first reports were kept beside the summary they belong to.

alter table public.polaris_summaries
  add column if not exists greeting_report text,
  add column if not exists org_report text,
  add column if not exists requirement_report text,
  add column if not exists prelim_report text;

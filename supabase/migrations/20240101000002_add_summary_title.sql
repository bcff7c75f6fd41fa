-- Why: people tell their summaries apart by title.

alter table public.polaris_summaries add column if not exists report_title text;

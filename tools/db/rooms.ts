/** The rooms of `supabase/sql/`, each of which uses only itself and those before it. */
export const ROOMS = ['limits', 'reports', 'events', 'jobs', 'deliver', 'observe', 'console'] as const;

/** Where our objects stand. */
export const SCHEMAS = ['public', 'private'] as const;

/** Tables of the platform: their grants, comments and row level security are not ours to state. */
export const PLATFORM_TABLES: readonly string[] = [
  'public.greeting_reports',
  'public.org_reports',
  'public.requirement_reports',
  'public.report_jobs',
  'public.polaris_summaries',
  'public.webhook_audit',
];

/** What our migrations do change of the platform's, by the catalogue's key, and why that harms nobody. */
export const PLATFORM_CHANGES: ReadonlyMap<string, string> = new Map([
  ['column public.webhook_audit.job_id', 'no longer not null: an unverified request names no job'],
  ['column public.webhook_audit.webhook_type', 'no longer not null: our rows name an endpoint instead'],
  ['column public.webhook_audit.request_payload', 'only a comment'],
]);

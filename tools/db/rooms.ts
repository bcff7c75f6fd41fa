/** The rooms of `supabase/sql/`. Each uses only itself and those before it. */
export const ROOMS = ['limits', 'reports', 'events', 'jobs', 'deliver', 'observe', 'console'] as const;

/** The schemas of our objects. */
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

/** Changes that our migrations make to the platform's objects, by catalogue key, and why they are harmless. */
export const PLATFORM_CHANGES: ReadonlyMap<string, string> = new Map([
  ['column public.webhook_audit.job_id', 'no longer not null: an unverified request names no job'],
  ['column public.webhook_audit.webhook_type', 'no longer not null: our rows name an endpoint instead'],
  ['column public.webhook_audit.request_payload', 'only a comment'],
]);

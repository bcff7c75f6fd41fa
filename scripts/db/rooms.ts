/** The rooms of `supabase/sql/`, each of which uses only itself and those before it. */
export const ROOMS = ['reports', 'events', 'jobs', 'deliver', 'observe', 'console'] as const;

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

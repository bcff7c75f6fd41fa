import { z } from 'zod';

/** What a person is told of a failure: what happened, what to do, and the raw reason for whoever helps them. */
interface Explanation {
  title: string;
  advice: string;
  detail?: string;
  /** Only a page that is loaded anew can go on. */
  needsReload?: boolean;
}

// Errors of the services, of supabase-js and of the browser have these in common.
const failure = z.looseObject({
  name: z.string().optional().catch(undefined),
  message: z.string().optional().catch(undefined),
  details: z.string().optional().catch(undefined),
  code: z.string().optional().catch(undefined),
  status: z.number().optional().catch(undefined),
  issues: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .optional()
    .catch(undefined),
});
type Failure = z.infer<typeof failure>;

const DATABASE_AWAY = {
  title: 'The database does not answer',
  advice:
    'Nothing is lost. Try again in a moment. If the problem lasts, check the state of the Supabase project.',
};

const BY_CODE: Record<string, Omit<Explanation, 'detail'>> = {
  invalid_credentials: {
    title: 'E-mail or password is wrong',
    advice: 'Check both and try again. An administrator of the project can set a new password.',
  },
  email_not_confirmed: {
    title: 'The e-mail address is not confirmed yet',
    advice: 'Open the link in the e-mail that Supabase sent you, then sign in.',
  },
  over_request_rate_limit: {
    title: 'Too many attempts',
    advice: 'Wait a minute, then try again.',
  },
  '42501': {
    title: 'You may not see or change this',
    advice: 'Ask an operator for access, or sign in with another account.',
  },
  forbidden: {
    title: 'You may not do this',
    advice: 'Only operators may do this. Ask an operator, or sign in with another account.',
  },
  '23503': {
    title: 'A referenced object was deleted',
    advice: 'Reload the list and choose again.',
  },
  '57014': {
    title: 'The database took too long',
    advice: 'Choose a shorter time or more filters, or try again in a moment.',
  },
  final_exists: {
    title: 'This report already has a final version',
    advice: 'Start another final job instead: a prelim never replaces a final.',
  },
  quota_exceeded: {
    title: 'Too many unfinished jobs',
    advice: 'Wait until one of your jobs finishes, or cancel one. Then start this job.',
  },
  budget_exceeded: {
    title: 'No more jobs for now',
    advice: 'The limit of jobs within 24 hours is reached. Start this job later.',
  },
  anonymous_user: {
    title: 'You have no account yet',
    advice: 'Sign in with an account, then try again.',
  },
  report_not_found: {
    title: 'The report does not exist',
    advice: 'The report was deleted, or belongs to someone else. Go back to your reports.',
  },
  job_not_repeatable: {
    title: 'This job cannot be run again',
    advice: 'Start a new one from its report instead.',
  },
  job_not_found: {
    title: 'The job does not exist',
    advice: 'The job was deleted after its retention, or belongs to someone else.',
  },
  account_not_found: {
    title: 'No account has this e-mail address',
    advice: 'Enter the complete address. Find deleted accounts and accounts of single sign-on by their id.',
  },
  delivery_not_found: {
    title: 'There is no delivery to retry',
    advice: 'The report has no delivery of this type. Search the audit log for its event.',
  },
  delivery_busy: {
    title: 'Another process is sending this delivery',
    advice: 'Wait half a minute: its outcome shows here automatically. Then retry if it failed.',
  },
  delivery_closed: {
    title: 'This delivery is closed',
    advice: 'The delivery can never succeed. Its reason is shown; nothing is left to do.',
  },
  delivery_failed: {
    title: 'The webhook failed again',
    advice: 'The result is still in its report. Look at the last answer, fix the endpoint, then retry.',
  },
  revision_conflict: {
    title: 'Somebody else changed these settings first',
    advice: 'Your changes are not saved. The new settings show here in a moment.',
  },
  endpoint_not_found: {
    title: 'The subscriber does not exist',
    advice: 'The id may be incomplete, or the subscriber was removed. Choose one from the list.',
  },
  endpoint_unverified: {
    title: 'This subscriber has not passed its check yet',
    advice: 'Check the subscriber first. No events are sent before it passes.',
  },
  too_many_endpoints: {
    title: 'The limit of subscribers is reached',
    advice: 'Remove a subscriber that is no longer needed.',
  },
  too_many_checks: {
    title: 'Too many checks of this host',
    advice: 'A host is checked at most five times an hour. Try again later.',
  },
  endpoint_secret_unreadable: {
    title: 'The secret of this subscriber cannot be decrypted',
    advice: 'Put the missing key back into ENDPOINT_SECRETS_KEY, or replace the secret.',
  },
  endpoint_secrets_key_missing: {
    title: 'Secrets cannot be stored',
    advice: 'Ask the people who deploy to set ENDPOINT_SECRETS_KEY.',
  },
  idempotency_conflict: {
    title: 'This request was already used with other content',
    advice: 'Reload the page and start the job again.',
  },
  not_found: {
    title: 'The requested item does not exist',
    advice: 'The item was deleted, or belongs to someone else. Go back to the list and choose again.',
  },
  unexpected_answer: {
    title: 'Unexpected answer of the server',
    advice: 'The console and the server may have different versions. Reload the page.',
  },
  invalid_input: { title: 'Some fields are invalid', advice: 'Correct the listed fields, then send again.' },
  invalid_body: { title: 'Some fields are invalid', advice: 'Correct the listed fields, then send again.' },
  rate_limited: { title: 'Too many requests', advice: 'Wait a moment, then try again.' },
  // What the REST API answers an owner's write over the rate.
  PT429: { title: 'Too many changes', advice: 'Nothing was saved. Wait a minute, then save again.' },
  database_unavailable: DATABASE_AWAY,
  // PostgREST's own: it has no connection, or not read the schema yet, or no connection was free in time.
  PGRST000: DATABASE_AWAY,
  PGRST001: DATABASE_AWAY,
  PGRST002: DATABASE_AWAY,
  PGRST003: DATABASE_AWAY,
};

const LOST_SESSION_CODES = new Set(['PGRST301', 'PGRST303', 'bad_jwt', 'session_not_found', 'unauthorized']);

/** The answer says that the access token is invalid or expired. */
export function isSessionLost(error: unknown): boolean {
  const { code, status } = parse(error);
  // A gateway's 401, which has no code of ours, is not about the person's session.
  return (
    (status === 401 && code !== 'unexpected_answer') || (code !== undefined && LOST_SESSION_CODES.has(code))
  );
}

/** Asking again may help: nobody answered, or the server was busy. */
export function isTransient(error: unknown): boolean {
  const { code, status } = parse(error);
  return isNetworkFailure(error) || (status !== undefined && status >= 500) || code === '57014';
}

/** A file of the console's own is gone, as after a deploy. In the words of Chrome and Firefox, of Safari, of Vite. */
function isPartMissing(error: unknown): boolean {
  const { message = '' } = parse(error);
  return /dynamically imported module|importing a module script|unable to preload css/i.test(message);
}

function isNetworkFailure(error: unknown): boolean {
  const { name, message, code } = parse(error);
  if (isPartMissing(error)) return false;
  return (
    code === 'unreachable' ||
    name === 'AuthRetryableFetchError' ||
    /failed to fetch|networkerror|load failed/i.test(message ?? '')
  );
}

/** Generic browser messages for a failed connection, and stack traces that supabase-js adds: not shown, since they explain nothing. */
function isNoise(text: string): boolean {
  return /failed to fetch|networkerror when|^load failed/i.test(text) || /\n[ \t]+at \S/.test(text);
}

function parse(error: unknown): Failure {
  return failure.catch({}).parse(error);
}

/** What a gateway answered has no code, but its status says more than that it cannot be understood. */
function codeOf({ code, status = 0 }: Failure): string | undefined {
  if (code !== 'unexpected_answer') return code;
  if (status === 429) return 'rate_limited';
  return status >= 500 ? undefined : code;
}

export function explain(error: unknown): Explanation {
  const failed = parse(error);
  const { message, details, status, issues } = failed;
  const code = codeOf(failed);
  const known = code === undefined ? undefined : BY_CODE[code];
  const raw = [
    details ?? message,
    ...(issues ?? []).map((issue) => `${issue.path || 'body'}: ${issue.message}`),
  ].filter((line): line is string => Boolean(line) && !isNoise(line ?? ''));
  const rest = raw.length > 0 ? { detail: raw.join('\n') } : {};
  if (known !== undefined) return { ...known, ...rest };
  if (isPartMissing(error)) {
    return {
      title: 'A part of this page cannot be loaded',
      advice: 'The console was updated, or the connection failed. Reload the page.',
      needsReload: true,
      ...rest,
    };
  }
  if (isNetworkFailure(error)) {
    return {
      title: 'The server cannot be reached',
      advice:
        'Check your connection. The page refreshes automatically when the connection is back. Repeat your last change.',
      ...rest,
    };
  }
  if (isSessionLost(error)) {
    return { title: 'Your session has ended', advice: 'Sign in again to continue.', ...rest };
  }
  if (status !== undefined && status >= 500) {
    return {
      title: 'The server failed',
      advice: 'Try again in a moment. If the problem lasts, read the logs of the functions.',
      ...rest,
    };
  }
  return {
    title: 'The request failed',
    advice: 'Try again. If it fails again, send an operator the message below.',
    ...rest,
  };
}

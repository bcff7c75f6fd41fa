import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { explain } from '../../lib/errors.ts';
import { previousAttemptQuery } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import { shellCommand } from './shell-command.ts';
import { notify } from '../../lib/toasts.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { attemptAnswer, attemptRequest, type AuditRow } from '../../../contracts/console-audit.ts';
import { internalEndpoint } from '../../../contracts/endpoints.ts';
import { getEventBody } from '../../../services/audit.ts';
import { Button } from '../../ui/button.tsx';
import { formatDuration } from '../../lib/format.ts';
import { showText } from '../../lib/show-json.ts';
import styles from './audit.module.css';

/** What an attempt sent and what came back, each as it was on the wire; and what changed since the attempt before. */
export function Attempt({ row, hrefOfRow }: { row: AuditRow; hrefOfRow: (id: string) => string }) {
  const { request, answer } = partsOf(row);
  return (
    <>
      <section aria-label="Request">
        <h3 className={styles['partTitle']}>Request</h3>
        {request === undefined ? (
          <p className="muted">Address and headers of this attempt were not recorded.</p>
        ) : (
          <pre className={styles['wire']} tabIndex={0}>
            {showText([`POST ${request.url}`, ...headerLines(request.headers)].join('\n'))}
          </pre>
        )}
        {/* Its body and its secret are those of our own endpoints: a subscriber has others. */}
        {row.event_id !== null && internalEndpoint.safeParse(row.endpoint_id).success && (
          <CopyCommand row={row} />
        )}
      </section>
      <section aria-label="Answer">
        <h3 className={styles['partTitle']}>Answer</h3>
        {row.response_status === null && answer.body === undefined ? (
          <p className="muted">None came.</p>
        ) : (
          <pre className={styles['wire']} tabIndex={0} dir="auto">
            {showText(
              [
                ...(row.response_status === null ? [] : [String(row.response_status)]),
                ...headerLines(answer.headers ?? {}),
                '',
                answer.body ?? '',
              ].join('\n'),
            )}
          </pre>
        )}
        {answer.earlier?.map(({ address, status, error }) => (
          <p key={address} className="foreign muted">
            Before, at {address}: {status ?? 'no answer'}
            {error === null ? '' : `, ${error}`}
          </p>
        ))}
      </section>
      <Comparison row={row} hrefOfRow={hrefOfRow} />
    </>
  );
}

function CopyCommand({ row }: { row: AuditRow }) {
  const { supabase } = useSession();
  const copy = useMutation({
    mutationFn: async () => {
      const body = await unwrap(getEventBody(supabase, row.event_id ?? ''));
      const { request } = partsOf(row);
      await navigator.clipboard.writeText(
        shellCommand({
          url: request?.url,
          endpointId: row.endpoint_id ?? '',
          eventId: row.event_id ?? '',
          body,
          needsBypass: request?.headers['x-vercel-protection-bypass'] !== undefined,
        }),
      );
    },
    onSuccess: () =>
      notify({
        kind: 'success',
        title: 'Command copied',
        text: 'The command sends the same bytes, signed with $WEBHOOK_SECRET of your shell. It contains the report’s text.',
      }),
    onError: (error) =>
      notify({ kind: 'error', title: 'The command was not copied', text: explain(error).advice }),
  });
  return (
    <Button size="small" isBusy={copy.isPending} onClick={() => copy.mutate()}>
      Copy as a shell command
    </Button>
  );
}

function Comparison({ row, hrefOfRow }: { row: AuditRow; hrefOfRow: (id: string) => string }) {
  const { supabase } = useSession();
  const { data: before } = useQuery(previousAttemptQuery(supabase, row));
  if (before === undefined || before === null) return null;
  const differences = compareAttempts(before, row);
  return (
    <section aria-label="Compared with the previous attempt">
      <h3 className={styles['partTitle']}>
        Compared with <Link href={hrefOfRow(before.id)}>attempt {before.attempt_number ?? 'before'}</Link>
      </h3>
      {differences.length === 0 ? (
        <p className="muted">The same request and the same answer.</p>
      ) : (
        <table className={`table ${styles['comparison'] ?? ''}`}>
          <thead>
            <tr>
              <th scope="col">Difference</th>
              <th scope="col">Before</th>
              <th scope="col">Now</th>
            </tr>
          </thead>
          <tbody>
            {differences.map(({ name, before: was, now }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td className="foreign">{showText(was)}</td>
                <td className="foreign">{showText(now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const MOST_CHARACTERS = 200;
/** They differ in every attempt. */
const FRESH = new Set(['webhook-timestamp', 'date', 'x-vercel-id', 'x-request-id', 'cf-ray']);

/** In what an attempt differs from the one before; headers that are new each time are left out. */
export function compareAttempts(
  before: AuditRow,
  now: AuditRow,
): { name: string; before: string; now: string }[] {
  const [was, is] = [before, now].map((row) => {
    const { request, answer } = partsOf(row);
    return new Map<string, string>([
      ['Outcome', row.outcome ?? 'unknown'],
      ['Status', row.response_status?.toString() ?? 'no answer'],
      ['Error', row.error_message ?? 'none'],
      ['Took', formatDuration(row.duration_ms)],
      ['Address', request?.url ?? 'not recorded'],
      ...named('Sent', request?.headers ?? {}),
      ...named('Answered', answer.headers ?? {}),
      ['Answer', answer.body ?? 'none'],
    ]);
  });
  const names = new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])]);
  return [...names].flatMap((name) => {
    const [old, fresh] = [was?.get(name) ?? 'none', is?.get(name) ?? 'none'];
    if (old === fresh) return [];
    return [{ name, before: old.slice(0, MOST_CHARACTERS), now: fresh.slice(0, MOST_CHARACTERS) }];
  });
}

function named(what: string, headers: Record<string, string>): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    FRESH.has(name) ? [] : [[`${what} ${name}`, value] as [string, string]],
  );
}

function headerLines(headers: Record<string, string>): string[] {
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
}

function partsOf({ request_payload, response_body }: AuditRow) {
  return {
    request: attemptRequest.safeParse(request_payload).data,
    // Rows of others may have the text alone.
    answer:
      typeof response_body === 'string'
        ? { body: response_body }
        : (attemptAnswer.safeParse(response_body).data ?? {}),
  };
}

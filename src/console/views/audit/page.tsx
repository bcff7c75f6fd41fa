import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { lazy, Suspense, useRef, useState } from 'react';
import { z } from 'zod';
import { AuditFilters } from './audit-filters.tsx';
import { AuditTable } from './audit-table.tsx';
import styles from './audit.module.css';
import { hrefWith } from './href-with.ts';
import { CopyLink } from '../../ui/copy-link.tsx';
import { ExportButtons } from '../../ui/export-buttons.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { auditQuery } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import { rangeOf, timeRangeFields } from '../../lib/time-range.ts';
import { useSearch } from '../../lib/use-search.ts';
import { direction } from '../../../contracts/console-audit.ts';
import { eventId } from '../../../contracts/webhooks.ts';
import { getWebhookAuditLog } from '../../../services/polarisReportsService.ts';

/** Large, and read only where a row is opened. */
const AuditDetail = lazy(async () => ({
  default: (await import('./audit-detail.tsx')).AuditDetail,
}));

const filters = {
  search: z.string().max(200).optional().catch(undefined),
  outcome: z.string().min(1).max(100).optional().catch(undefined),
  direction: direction.optional().catch(undefined),
  actor: z.string().min(1).max(100).optional().catch(undefined),
  answer: z
    .union([z.literal('none'), z.coerce.number().pipe(z.int().min(100).max(599))])
    .optional()
    .catch(undefined),
  ...timeRangeFields,
};
const view = z.object({
  ...filters,
  row: z.guid().optional().catch(undefined),
  event: eventId.optional().catch(undefined),
});
const NOTHING = Object.fromEntries(Object.keys(filters).map((name) => [name, null]));

export function AuditLog() {
  const { supabase } = useSession();
  const [{ row, event, search, answer, ...rest }, change] = useSearch(view);
  const filter = { ...rest, search: search?.trim() || undefined, response_status: answer };
  const [isPaused, setPaused] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const log = useInfiniteQuery(auditQuery(supabase, filter, isPaused));
  const entries = log.data?.pages.flatMap((page) => page.rows) ?? [];
  // The entries are those of the filter before, until the present one's are there.
  const isFormer = log.isPlaceholderData;
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const isOpen = row !== undefined || event !== undefined;
  const query = new URLSearchParams(location.search);

  function close(): void {
    // Closing is no step to come back to.
    change({ row: null, event: null }, { replace: true });
    // The list was left at this row, and goes on there; without one, at its heading. On a phone it has to be shown first.
    const left = document.getElementById(`audit-${row ?? ''}`) ?? heading.current;
    requestAnimationFrame(() => left?.focus());
  }

  return (
    <Page
      title="Audit log"
      lead="Every attempt, and every request to a webhook or retry endpoint."
      actions={
        <>
          {!isOpen && (
            <Link href="/erasure" className="no-print">
              Erase an account’s content
            </Link>
          )}
          {!isOpen && <CopyLink />}
          <RefreshBar
            query={log}
            readAt={log.data?.pages[0]?.readAt}
            isPaused={isPaused}
            onPausedChange={setPaused}
          />
        </>
      }
    >
      <AuditFilters
        filter={{ ...filter, search }}
        onChange={(fields, options) => change({ ...fields, row: null, event: null }, options)}
        onClear={isFiltered ? () => change({ ...NOTHING, row: null, event: null }) : undefined}
      />
      {log.isError && <ErrorState error={log.error} onRetry={() => void log.refetch()} />}
      <div className={styles['columns']} data-open={isOpen}>
        <div className={styles['list']}>
          <Panel
            title="Newest first"
            isFlush
            headingRef={heading}
            actions={
              <ExportButtons
                name="audit"
                list={() => {
                  const { since, after, before, ...plain } = filter;
                  const range = rangeOf({ since, after, before }, Date.now());
                  return (request) => getWebhookAuditLog(supabase, { ...plain, ...range, ...request });
                }}
              />
            }
          >
            {(log.isPending || (isFormer && entries.length === 0)) && (
              <LoadingState label="Loading the audit log" rows={10} />
            )}
            {log.isSuccess && !isFormer && entries.length === 0 && (
              <EmptyState title={isFiltered ? 'No entry matches' : 'The log is empty'}>
                {isFiltered
                  ? 'Ids must be complete. Choose other filters, or clear them.'
                  : 'The first attempt or request shows here automatically.'}
              </EmptyState>
            )}
            {entries.length > 0 && (
              <div aria-busy={isFormer} data-former={isFormer}>
                <AuditTable
                  entries={entries}
                  opened={row}
                  onEscape={isOpen ? close : undefined}
                  hrefOf={(entry) => hrefWith(query, { row: entry.id, event: entry.event_id })}
                />
              </div>
            )}
            <MoreButton query={log} />
          </Panel>
        </div>
        {isOpen && (
          <Suspense fallback={<LoadingState label="Opening the details" rows={8} />}>
            <AuditDetail
              selection={{ row, event }}
              isPaused={isPaused}
              hrefOfRow={(id) => hrefWith(query, { row: id })}
              onClose={close}
            />
          </Suspense>
        )}
      </div>
    </Page>
  );
}

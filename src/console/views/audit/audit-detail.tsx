import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { auditRowQuery } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import { Button } from '../../ui/button.tsx';
import { CopyLink } from '../../ui/copy-link.tsx';
import { JsonView } from '../../ui/json-view.tsx';
import { Panel } from '../../ui/page.tsx';
import { ErrorState, LoadingState } from '../../ui/states.tsx';
import { Attempt } from './attempt.tsx';
import { AuditFacts } from './audit-facts.tsx';
import { EventTimeline } from './event-timeline.tsx';
import styles from './audit.module.css';

interface Selection {
  row: string | undefined;
  event: string | undefined;
}

/** Everything about a row of the log, and about the event that it belongs to. */
export function AuditDetail({
  selection: { row, event },
  isPaused,
  hrefOfRow,
  onClose,
}: {
  selection: Selection;
  isPaused: boolean;
  hrefOfRow: (id: string) => string;
  onClose: () => void;
}) {
  const top = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // What was chosen is read next; on a phone it is below, or instead of, the list.
    top.current?.focus();
  }, [row, event]);
  return (
    <div
      ref={top}
      tabIndex={-1}
      className={styles['detail']}
      role="region"
      aria-label="Details"
      onKeyDown={(key) => {
        if (key.key === 'Escape') onClose();
      }}
    >
      <div className={styles['detailBar']}>
        <Button size="small" onClick={onClose}>
          <span aria-hidden>✕ </span>Close
        </Button>
        <CopyLink />
      </div>
      {row !== undefined && <Row id={row} hrefOfRow={hrefOfRow} />}
      {event !== undefined && (
        <EventTimeline eventId={event} openRow={row} isPaused={isPaused} hrefOfRow={hrefOfRow} />
      )}
      {row !== undefined && <RawRow id={row} />}
    </div>
  );
}

function Row({ id, hrefOfRow }: { id: string; hrefOfRow: (id: string) => string }) {
  const { supabase } = useSession();
  const row = useQuery(auditRowQuery(supabase, id));
  const isAttempt = row.data?.direction === 'out';
  return (
    <Panel title={isAttempt ? 'Attempt' : 'Request'}>
      {row.isPending && <LoadingState rows={6} />}
      {row.isError && <ErrorState error={row.error} onRetry={() => void row.refetch()} />}
      {row.isSuccess && (
        <div className={styles['facts']}>
          <AuditFacts row={row.data} />
          {isAttempt && row.data.outcome !== 'skipped' && <Attempt row={row.data} hrefOfRow={hrefOfRow} />}
        </div>
      )}
    </Panel>
  );
}

/** What is stored of a row, for whoever needs it as it is. */
function RawRow({ id }: { id: string }) {
  const { supabase } = useSession();
  const { data } = useQuery(auditRowQuery(supabase, id));
  if (data === undefined) return null;
  return (
    <Panel title="The stored row">
      <div className={styles['facts']}>
        <JsonView label="Stored request, without the result’s content" value={data.request_payload} />
        <JsonView label="Stored answer" value={data.response_body} />
      </div>
    </Panel>
  );
}

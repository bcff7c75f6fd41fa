import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { auditRowQuery } from '../../console/operator-queries.ts';
import { useSession } from '../../console/session.ts';
import { Button } from '../button.tsx';
import { CopyLink } from '../copy-link.tsx';
import { Panel } from '../page.tsx';
import { ErrorState, LoadingState } from '../states.tsx';
import { AuditFacts } from './audit-facts.tsx';
import { EventTimeline } from './event-timeline.tsx';
import styles from './audit.module.css';

export interface Selection {
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
      {row !== undefined && <Row id={row} />}
      {event !== undefined && (
        <EventTimeline eventId={event} openRow={row} isPaused={isPaused} hrefOfRow={hrefOfRow} />
      )}
    </div>
  );
}

function Row({ id }: { id: string }) {
  const { supabase } = useSession();
  const row = useQuery(auditRowQuery(supabase, id));
  return (
    <Panel title={row.data?.direction === 'out' ? 'Attempt' : 'Request'}>
      {row.isPending && <LoadingState rows={6} />}
      {row.isError && <ErrorState error={row.error} onRetry={() => void row.refetch()} />}
      {row.isSuccess && <AuditFacts row={row.data} />}
    </Panel>
  );
}

import type { ReactNode } from 'react';
import type { ReportRecord, ReportWebhookStatus } from '../../contracts/console-reports.ts';
import { RelativeTime } from '../relative-time.tsx';
import { StatusBadge } from '../status-badge.tsx';
import styles from './report.module.css';

/** How the report and its webhook stand. The webhook's part is newer than the record, once it is there. */
export function ReportFacts({
  record,
  webhook,
}: {
  record: ReportRecord;
  webhook: ReportWebhookStatus | undefined;
}) {
  const now = webhook ?? record;
  const delivery = webhook?.delivery ?? null;
  return (
    <dl className={styles['facts']}>
      <Fact name="Research" isTold>
        <StatusBadge status={now.research_status} />
      </Fact>
      <Fact name="Stage" isTold>
        {now.stage ?? <span className="muted">none yet</span>}
      </Fact>
      <Fact name="Webhook" isTold>
        {now.webhook_job_id === null && now.webhook_attempts === 0 ? (
          <span className="muted">nothing to deliver yet</span>
        ) : (
          <StatusBadge status={now.webhook_status ?? 'pending'} />
        )}
      </Fact>
      <Fact name="Attempts">
        <span className="numeric">{now.webhook_attempts ?? 0}</span>
      </Fact>
      <Fact name="Last attempt">
        {now.webhook_last_attempt === null ? (
          <span className="muted">none</span>
        ) : (
          <RelativeTime value={now.webhook_last_attempt} />
        )}
      </Fact>
      {delivery?.next_attempt != null && (
        <Fact name="Next attempt">
          <RelativeTime value={delivery.next_attempt} />
        </Fact>
      )}
      {delivery?.error != null && (
        <Fact name="Last error">
          <span className="foreign">{delivery.error}</span>
        </Fact>
      )}
    </dl>
  );
}

function Fact({
  name,
  isTold = false,
  children,
}: {
  name: string;
  /** A screen reader says it as it changes: nobody has to look for it. Times change all the time, and are not told. */
  isTold?: boolean;
  children: ReactNode;
}) {
  return (
    <div
      className={styles['fact']}
      aria-live={isTold ? 'polite' : undefined}
      aria-atomic={isTold || undefined}
    >
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

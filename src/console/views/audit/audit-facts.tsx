import { Link } from 'raviger';
import type { ReactNode } from 'react';
import type { AuditRow } from '../../../contracts/console-audit.ts';
import { ActorName } from '../../ui/actor-name.tsx';
import { CopyableId } from '../../ui/copyable-id.tsx';
import { ExactTime } from '../../ui/exact-time.tsx';
import { Fact, Facts } from '../../ui/facts.tsx';
import { formatCount, formatDuration } from '../../lib/format.ts';
import { LongText } from '../../ui/long-text.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import { traceHref } from '../../lib/links.ts';
import styles from './audit.module.css';

export function AuditFacts({ row }: { row: AuditRow }) {
  const isSent = row.direction === 'out';
  return (
    <div className={styles['facts']}>
      <Facts>
        <Fact name="When">
          <ExactTime value={row.created_at} />
        </Fact>
        <Fact name="Endpoint">{row.endpoint_id ?? row.webhook_type}</Fact>
        <Fact name="Outcome">
          <StatusBadge status={row.outcome ?? 'unknown'} />
        </Fact>
        <Fact name="Answer">{row.response_status ?? 'none came'}</Fact>
        <Fact name="Error">{row.error_message === null ? null : <LongText text={row.error_message} />}</Fact>
        <Fact name="Attempt">{isSent ? row.attempt_number : null}</Fact>
        <Fact name="Took">{row.duration_ms === null ? null : formatDuration(row.duration_ms)}</Fact>
        <Fact name="By">{row.actor === null ? null : <ActorName id={row.actor} />}</Fact>
        <Fact name="Body">{row.body_bytes === null ? null : `${formatCount(row.body_bytes)} bytes`}</Fact>
        <Fact name="SHA-256">{idOf(row.body_sha256, 'SHA-256')}</Fact>
        <Fact name="Event">{idOf(row.event_id, 'event id')}</Fact>
        <Fact name="Job">{idOf(row.job_id, 'job id')}</Fact>
        <Fact name="Report">{idOf(row.report_id, 'report id')}</Fact>
        <Fact name="Trace">{traceOf(row)}</Fact>
        <Fact name="Table">{row.report_table}</Fact>
      </Facts>
    </div>
  );
}

/** Rows from before traces lead to none, which their page says. */
function traceOf({ event_id, job_id, report_id }: AuditRow): ReactNode {
  const id = event_id ?? job_id ?? report_id;
  return id === null ? null : <Link href={traceHref(id)}>Job, event and attempts as a tree</Link>;
}

function idOf(id: string | null, what: string): ReactNode {
  return id === null ? null : <CopyableId id={id} what={what} />;
}

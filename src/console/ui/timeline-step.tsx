import { CLOSED_DEAD_REASONS } from '../../contracts/constants.ts';
import { Link } from 'raviger';
import type { TimelineStep } from '../../contracts/console-audit.ts';
import { useActorNames } from './actor-name.tsx';
import { ExactTime } from './exact-time.tsx';
import { formatCount, formatDuration, plural } from '../lib/format.ts';
import { labelOf } from '../lib/label-of.ts';
import { LongText } from './long-text.tsx';
import styles from './timeline.module.css';

interface Words {
  title: string;
  tone: 'good' | 'bad' | 'idle';
  /** What else is known, each a line. */
  notes: (string | null)[];
}

/** One thing that happened to an event. Where the audit has a row of it, it leads there. */
export function Step({
  step,
  about,
  openRow,
  hrefOfRow,
}: {
  step: TimelineStep;
  /** Where a timeline is of several: which one of them. */
  about?: string;
  openRow: string | undefined;
  hrefOfRow: (id: string) => string;
}) {
  const { title, tone, notes } = describeStep(step, useActorNames());
  const row = 'audit_id' in step ? step.audit_id : undefined;
  return (
    <li className={styles['step']} data-tone={tone} data-future={step.kind === 'next_attempt'}>
      <span className={styles['stepTitle']}>
        {row === undefined ? (
          title
        ) : (
          <Link href={hrefOfRow(row)} aria-current={row === openRow ? 'true' : undefined}>
            {title}
          </Link>
        )}
        {about !== undefined && <span className={styles['stepAbout']}> {about}</span>}
      </span>
      <span className={styles['stepTime']}>
        <ExactTime value={step.at} />
      </span>
      {notes
        .filter((note) => note !== null)
        .map((note, index) => (
          <span key={index} className={`${styles['stepNote'] ?? ''} foreign`}>
            <LongText text={note} />
          </span>
        ))}
    </li>
  );
}

/** `nameOf` names who an id is. */
export function describeStep(step: TimelineStep, nameOf: (id: string) => string = String): Words {
  switch (step.kind) {
    case 'job_requested':
      return {
        title: 'Job requested',
        tone: 'idle',
        notes: [step.caller === null ? null : `by ${nameOf(step.caller)}`],
      };
    case 'job_started':
      return {
        title: 'Job started',
        tone: 'idle',
        notes: [step.take_overs === 0 ? null : `taken over ${plural(step.take_overs, 'time')}`],
      };
    case 'job_finished':
      return {
        title: `Job ${step.status}`,
        tone: step.status === 'succeeded' ? 'good' : 'bad',
        notes: [step.error],
      };
    case 'event_committed':
      return { title: 'Event committed', tone: 'good', notes: [step.type] };
    case 'attempt':
      return step.outcome === 'skipped'
        ? { title: 'Attempt skipped', tone: 'idle', notes: ['The circuit was open.'] }
        : {
            title: `Attempt${step.attempt_number === null ? '' : ` ${step.attempt_number}`}: ${step.outcome ?? 'unknown'}`,
            tone: step.outcome === 'delivered' ? 'good' : 'bad',
            notes: [answerOf(step), step.error === `answered ${step.response_status}` ? null : step.error],
          };
    case 'request':
      return {
        title: `Request received: ${labelOf(step.outcome ?? 'unknown').toLowerCase()}`,
        tone: (step.response_status ?? 500) < 400 ? 'good' : 'bad',
        notes: [
          answerOf(step),
          step.body_bytes === null ? null : `${formatCount(step.body_bytes)} bytes`,
          step.error,
        ],
      };
    case 'retried':
      return {
        title: 'Retried',
        tone: (step.response_status ?? 500) < 400 ? 'good' : 'bad',
        notes: [step.actor === null ? null : `by ${nameOf(step.actor)}`, answerOf(step), step.error],
      };
    case 'redriven':
    case 'brought_forward':
      return {
        title: step.kind === 'redriven' ? 'Redriven' : 'Retry brought forward',
        tone: 'idle',
        notes: [step.actor === null ? null : `by ${nameOf(step.actor)}`],
      };
    case 'job_action':
      return {
        title:
          JOB_ACTIONS[step.outcome ?? ''] ??
          `Job action: ${labelOf(step.outcome ?? 'unknown').toLowerCase()}`,
        tone: 'idle',
        notes: [step.actor === null ? null : `by ${nameOf(step.actor)}`],
      };
    case 'effect':
      return {
        title: step.effect === 'applied' ? `Applied ${BY[step.channel]}` : 'Superseded by a newer result',
        tone: step.effect === 'applied' ? 'good' : 'idle',
        notes: [step.notified ? 'The owner was notified.' : null],
      };
    case 'dead_letter':
      return {
        title: 'Dead letter',
        ...(step.dead_reason === 'import'
          ? { tone: 'bad', notes: [`${labelOf(step.dead_reason)}: request the report again.`] }
          : CLOSED_DEAD_REASONS.has(step.dead_reason)
            ? { tone: 'idle', notes: [`${labelOf(step.dead_reason)}: nothing is left to do.`] }
            : {
                tone: 'bad',
                notes: [`${labelOf(step.dead_reason)}. The dead letter waits for an operator.`],
              }),
      };
    case 'next_attempt':
      return { title: 'Next attempt', tone: 'idle', notes: [] };
  }
}

const JOB_ACTIONS: Partial<Record<string, string>> = {
  cancelled: 'Job cancelled by an operator',
  job_finished: 'Cancel requested; the job had already finished',
  job_repeated: 'Run again requested',
  existing: 'Run again requested; a job was already running',
};

const BY = {
  webhook: 'by the webhook',
  direct: 'by direct update, the fallback',
  owner: 'by its owner',
  platform: 'by the platform’s own servers',
  import: 'by the import',
} as const;

function answerOf({
  response_status,
  duration_ms,
}: {
  response_status: number | null;
  duration_ms: number | null;
}): string {
  const answer = response_status === null ? 'no answer' : `answered ${response_status}`;
  return duration_ms === null ? answer : `${answer} after ${formatDuration(duration_ms)}`;
}

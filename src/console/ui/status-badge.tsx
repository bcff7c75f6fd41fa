import { PROBLEMS } from '../../contracts/problem.ts';
import styles from './status-badge.module.css';

type Tone = 'good' | 'bad' | 'warn' | 'info' | 'idle' | 'dead';

/** The states of jobs, deliveries, reports, subscribers, plans, outcomes and circuits; an unknown word is shown as it is. */
const TONES: Record<string, Tone> = {
  success: 'good',
  succeeded: 'good',
  completed: 'good',
  applied: 'good',
  delivered: 'good',
  closed: 'good',
  active: 'good',
  resolved: 'good',
  firing: 'bad',
  failed: 'bad',
  refused: 'bad',
  rejected: 'bad',
  open: 'bad',
  'circuit open': 'bad',
  'dead letter': 'dead',
  retrying: 'warn',
  paused: 'warn',
  unverified: 'warn',
  unknown: 'warn',
  busy: 'warn',
  overdue: 'bad',
  done: 'good',
  planned: 'info',
  proposed: 'info',
  half_open: 'warn',
  running: 'info',
  sent: 'info',
  redriven: 'info',
  brought_forward: 'info',
  job_repeated: 'info',
  erased: 'info',
  pending: 'idle',
  queued: 'idle',
  waiting: 'idle',
  cancelled: 'idle',
  removed: 'idle',
  superseded: 'idle',
  duplicate: 'idle',
};

/** Refusals have the codes of problems. */
function toneOf(status: string): Tone {
  return TONES[status] ?? (Object.hasOwn(PROBLEMS, status) ? 'bad' : 'idle');
}

export function StatusBadge({ status }: { status: string }) {
  return (
    <span className={`${styles['badge'] ?? ''} ${styles[toneOf(status)] ?? ''}`}>
      {status.replaceAll('_', ' ')}
    </span>
  );
}

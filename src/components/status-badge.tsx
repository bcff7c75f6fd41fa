import styles from './status-badge.module.css';

type Tone = 'good' | 'bad' | 'warn' | 'info' | 'idle' | 'dead';

/** The states of jobs, deliveries, reports, outcomes and circuits; an unknown word is shown as it is. */
const TONES: Record<string, Tone> = {
  success: 'good',
  succeeded: 'good',
  completed: 'good',
  applied: 'good',
  closed: 'good',
  failed: 'bad',
  refused: 'bad',
  open: 'bad',
  'dead letter': 'dead',
  retrying: 'warn',
  half_open: 'warn',
  running: 'info',
  sent: 'info',
  pending: 'idle',
  queued: 'idle',
  cancelled: 'idle',
  superseded: 'idle',
  duplicate: 'idle',
};

export function StatusBadge({ status }: { status: string }) {
  return (
    <span className={`${styles['badge'] ?? ''} ${styles[TONES[status] ?? 'idle'] ?? ''}`}>
      {status.replaceAll('_', ' ')}
    </span>
  );
}

import { ActorName } from '../../ui/actor-name.tsx';
import { Panel } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { EmptyState } from '../../ui/states.tsx';
import type { Probe } from '../../../contracts/endpoint-checks.ts';
import type { SubscriberView } from '../../../contracts/subscribers.ts';
import styles from './subscribers.module.css';

const NAMES: Record<Probe['name'], string> = {
  ping: 'Signed ping',
  forged: 'Forged signature',
  old: 'Old request',
  changed: 'Changed body',
  repeated: 'Repeated request',
  large: '900 KB',
  compressed: 'Compressed',
  redirects: 'Redirects',
  time: 'Time',
};

/** What the last check tried, what it saw, and what to do about it. */
export function CheckPanel({ subscriber: { last_check } }: { subscriber: SubscriberView }) {
  return (
    <Panel title="Last check">
      {last_check === null ? (
        <EmptyState title="Never checked">
          A check sends signed, forged, old, repeated and large requests, and says what to change.
        </EmptyState>
      ) : (
        <div className={styles['form']}>
          <p className={styles['note']}>
            <strong>
              {last_check.passed === null ? 'Under way, or cut off' : last_check.passed ? 'Passed' : 'Failed'}
            </strong>{' '}
            <RelativeTime value={last_check.at} />, asked by <ActorName id={last_check.actor} />
          </p>
          <Probes probes={last_check.probes ?? []} />
        </div>
      )}
    </Panel>
  );
}

export function Probes({ probes }: { probes: readonly Probe[] }) {
  if (probes.length === 0) return null;
  return (
    <ul className={styles['probes']} aria-label="Probes">
      {probes.map(({ name, ok, detail, advice }) => (
        <li key={name} data-good={ok}>
          <span className={styles['probeName']}>
            <span aria-hidden>{ok ? '✓' : '✕'} </span>
            {NAMES[name]}
            <span className="visually-hidden">{ok ? ', good' : ', to be fixed'}</span>
          </span>
          <span className="foreign">{detail}</span>
          {advice !== null && (
            <span className={`${styles['advice'] ?? ''} foreign`}>
              <strong>What to do: </strong>
              {advice}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

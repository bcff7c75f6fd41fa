import { Link } from 'raviger';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import type { SubscriberView } from '../../../contracts/subscribers.ts';
import { subscriberHref } from '../../lib/subscriber-queries.ts';
import { useRowKeys, type RowKeys } from '../../ui/use-row-keys.ts';
import { hostOf } from '../../lib/subscriber-words.ts';
import styles from './subscribers.module.css';
import { countOf } from './verdict.ts';
import { reasonOf, stateOf, takesOf } from './words.ts';

export function SubscriberTable({ subscribers }: { subscribers: readonly SubscriberView[] }) {
  const keys = useRowKeys(subscribers.map(({ endpoint_id }) => endpoint_id));
  // The roles are said again: on a phone the cells are laid out as cards, which takes a table's meaning away.
  return (
    <table role="table" aria-label="Subscribers" className={`table ${styles['table'] ?? ''}`}>
      <thead role="rowgroup">
        <tr role="row">
          {['State', 'Subscriber', 'Takes', 'Waiting', 'Failing'].map((name) => (
            <th key={name} role="columnheader" scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup" {...keys.list}>
        {subscribers.map((each) => (
          <SubscriberRow key={each.endpoint_id} subscriber={each} row={keys.row(each.endpoint_id)} />
        ))}
      </tbody>
    </table>
  );
}

function SubscriberRow({ subscriber, row }: { subscriber: SubscriberView; row: RowKeys }) {
  const { endpoint_id, state, state_since, settings, waiting, oldest_waiting_at, failing_since } = subscriber;
  const reason = reasonOf(subscriber);
  return (
    <tr role="row" {...row}>
      <td role="cell" className={styles['state']}>
        <StatusBadge status={stateOf(subscriber)} />
        {(state === 'paused' || state === 'removed') && (
          <span className="muted">
            <RelativeTime value={state_since} />
            {reason !== null && `: ${reason}`}
          </span>
        )}
      </td>
      <td role="cell" className={styles['who']}>
        <Link className="foreign" href={subscriberHref(endpoint_id)}>
          {hostOf(settings.url)}
        </Link>
        {settings.description !== '' && (
          <span className="clamped" dir="auto">
            {settings.description}
          </span>
        )}
        <span className="muted mono">{endpoint_id}</span>
      </td>
      <td role="cell" className={`${styles['takes'] ?? ''} foreign`}>
        <span>{takesOf(settings)}</span>
        <span className="muted">
          version {settings.format_version}, {settings.body} body
          {settings.mode === 'latest' && ', latest only'}
        </span>
      </td>
      <td role="cell" className={styles['waiting']}>
        <span className="numeric">{waiting === 0 ? 'nothing waits' : `${countOf(waiting)} waiting`}</span>
        {oldest_waiting_at !== null && (
          <span className="muted">
            oldest <RelativeTime value={oldest_waiting_at} />
          </span>
        )}
      </td>
      <td role="cell" className={styles['failing']}>
        {failing_since === null ? (
          <span className="muted">no</span>
        ) : (
          <span>
            since <RelativeTime value={failing_since} />
          </span>
        )}
      </td>
    </tr>
  );
}

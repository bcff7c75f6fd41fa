import { Link } from 'raviger';
import { eventHref } from '../../lib/links.ts';
import { Button } from '../../ui/button.tsx';
import { Fact, Facts } from '../../ui/facts.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import { wordsOf } from '../../../contracts/alerts.ts';
import type { AlertRow } from '../../../contracts/console-alerts.ts';
import { alertHref, alertName } from './alert-name.ts';
import styles from './alerts.module.css';
import { rowsBehind } from './rows-behind.ts';
import { Sent } from './sent.tsx';

/** An alert in full: what, since when, how many, what it means, what to do, and who was told. */
export function AlertCard({
  alert,
  onSilence,
  isAlone = false,
}: {
  alert: AlertRow;
  onSilence: (alert: AlertRow) => void;
  /** The page is about this one: it needs no link to itself. */
  isAlone?: boolean;
}) {
  const words = wordsOf(alert.rule);
  const name = alertName(alert);
  const behind = rowsBehind(alert);
  const Heading = isAlone ? 'h2' : 'h3';
  const isOver = alert.state === 'resolved';
  return (
    <article className={styles['card']} aria-label={name} data-severity={isOver ? 'none' : alert.severity}>
      <header className={styles['cardHeader']}>
        <Heading className={styles['name']}>
          {isAlone ? name : <Link href={alertHref(alert.id)}>{name}</Link>}
        </Heading>
        <StatusBadge status={alert.state} />
        <span className={styles['severity']}>{alert.severity}</span>
        {alert.silenced_until !== null && (
          <span className="muted">
            silenced, the silence ends <RelativeTime value={alert.silenced_until} />
          </span>
        )}
      </header>
      <p className={styles['says']}>
        {words.says({ ...alert, value: alert.last_value })} <Times alert={alert} />
      </p>
      <p>{isOver ? words.lost : words.meaning}</p>
      {!isOver && (
        <p>
          <strong>To do:</strong> {words.action}
        </p>
      )}
      <Details alert={alert} />
      <div className={styles['buttons']}>
        {behind !== null && <Link href={behind.href}>{behind.name}</Link>}
        {!isOver && (
          <Button size="small" aria-label={`Silence ${name}`} onClick={() => onSilence(alert)}>
            Silence
          </Button>
        )}
      </div>
    </article>
  );
}

function Times({ alert: { state, pending_since, good_since, resolved_at } }: { alert: AlertRow }) {
  if (state === 'resolved' && resolved_at !== null) {
    return (
      <>
        Began <RelativeTime value={pending_since} />, resolved <RelativeTime value={resolved_at} />.
      </>
    );
  }
  return (
    <>
      Began <RelativeTime value={pending_since} />
      {state === 'pending' && '; the alert fires if this lasts'}
      {good_since !== null && (
        <>
          , good again since <RelativeTime value={good_since} />; the alert resolves if this lasts
        </>
      )}
      .
    </>
  );
}

function Details({ alert }: { alert: AlertRow }) {
  return (
    <Facts>
      {Object.entries(alert.facts).map(([name, value]) => (
        <Fact key={name} name={labelOf(name)}>
          {Array.isArray(value) ? <Ids name={name} ids={value} /> : value}
        </Fact>
      ))}
      <Fact name="Sent">
        <Sent alert={alert} />
      </Fact>
      <Fact name="Runbook">
        <code>docs/operations.md#{alert.rule}</code>
      </Fact>
    </Facts>
  );
}

function Ids({ name, ids }: { name: string; ids: readonly string[] }) {
  return (
    <ul className={styles['ids']}>
      {ids.map((id) => (
        <li key={id}>{name === 'event_ids' ? <Link href={eventHref(id)}>{id}</Link> : <code>{id}</code>}</li>
      ))}
    </ul>
  );
}

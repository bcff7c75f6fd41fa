import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { useState } from 'react';
import { Button } from './button.tsx';
import { plural } from '../lib/format.ts';
import { EmptyState, ErrorState, LoadingState } from './states.tsx';
import { RelativeTime } from './relative-time.tsx';
import type { Explanation, SubscriberView } from '../../contracts/subscribers.ts';
import { useSession } from '../lib/session.ts';
import { explanationQuery, subscriberHref, subscribersQuery } from '../lib/subscriber-queries.ts';
import { hostOf } from '../lib/subscriber-words.ts';
import type { Part } from '../lib/verdict.ts';
import styles from './event-receivers.module.css';

/** Each is asked about by a request of its own. */
const STEP = 20;

/** Who got an event, who did not, and why: asked only once it is opened. */
export function EventReceivers({ eventId, title }: { eventId: string; title: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className={styles['receivers']} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen && <Receivers eventId={eventId} />}
    </details>
  );
}

function Receivers({ eventId }: { eventId: string }) {
  const { supabase } = useSession();
  // Those that are removed by now may have got it.
  const list = useQuery(subscribersQuery(supabase, true, true));
  const [shown, setShown] = useState(STEP);
  if (list.isPending) return <LoadingState label="Loading subscribers" rows={3} />;
  if (list.isError) return <ErrorState error={list.error} onRetry={() => void list.refetch()} />;
  const subscribers = list.data.endpoints;
  if (subscribers.length === 0) {
    return <EmptyState title="No subscriber yet">Events go only to our own endpoints.</EmptyState>;
  }
  const rest = subscribers.length - shown;
  return (
    <>
      <Explanations eventId={eventId} subscribers={subscribers.slice(0, shown)} />
      {rest > 0 && (
        <Button size="small" onClick={() => setShown(shown + STEP)}>
          Show {plural(Math.min(rest, STEP), 'more subscriber')}
        </Button>
      )}
    </>
  );
}

function Explanations({ eventId, subscribers }: { eventId: string; subscribers: readonly SubscriberView[] }) {
  const { supabase } = useSession();
  const answers = useQueries({
    queries: subscribers.map(({ endpoint_id }) => explanationQuery(supabase, endpoint_id, eventId)),
  });
  return (
    <ul className={styles['list']} aria-label="Receivers">
      {subscribers.map(({ endpoint_id, settings }, index) => {
        const answer = answers[index];
        return (
          <li key={endpoint_id}>
            <Link className="foreign" href={subscriberHref(endpoint_id)}>
              {hostOf(settings.url)}
            </Link>
            {answer?.data !== undefined ? (
              <Sentence explanation={answer.data} />
            ) : answer?.isError === true ? (
              <ErrorState error={answer.error} onRetry={() => void answer.refetch()} />
            ) : (
              <span className="muted">asking…</span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function Sentence({ explanation }: { explanation: Explanation }) {
  const verdict = verdictOf(explanation);
  return (
    <>
      <span className={styles['verdict']} data-verdict={verdict}>
        <span aria-hidden>{MARKS[verdict]} </span>
        {WORDS[verdict]}
      </span>
      <span className={`${styles['sentence'] ?? ''} foreign`}>
        {partsOf(explanation.sentence).map((part, index) =>
          typeof part === 'string' ? part : <RelativeTime key={index} value={part.at} />,
        )}
      </span>
    </>
  );
}

/** With the word before it, which a distance does not have: “at 12:00” is “3m ago”. */
const TIME = /(?:\bat )?(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))/;

/** The API says times as ISO 8601: here they are shown as everywhere. */
function partsOf(sentence: string): Part[] {
  return sentence.split(TIME).map((text) => (/^\d{4}-\d\d-\d\dT/.test(text) ? { at: text } : text));
}

type Verdict = 'got' | 'open' | 'failed' | 'not';
const MARKS: Record<Verdict, string> = { got: '✓', open: '…', failed: '✕', not: '–' };
const WORDS: Record<Verdict, string> = {
  got: 'got it',
  open: 'not yet',
  failed: 'not delivered',
  not: 'not sent to it',
};

export function verdictOf({ reason }: Pick<Explanation, 'reason'>): Verdict {
  switch (reason) {
    case 'delivered':
      return 'got';
    case 'sending':
    case 'scheduled':
    case 'waits_for_earlier':
    case 'paused':
    case 'circuit_open':
    case 'no_effect_yet':
    case 'catching_up':
      return 'open';
    case 'dead_letter':
    case 'filter_fault':
    case 'delivery_missing':
      return 'failed';
    case 'cancelled':
    case 'superseded_by_newer':
    case 'imported':
    case 'not_there_yet':
    case 'removed':
    case 'unverified':
    case 'bulk':
    case 'superseded_effect':
    case 'type':
    case 'report_type':
    case 'stage':
    case 'status':
    case 'owner':
    case 'filter':
    case 'content_erased':
      return 'not';
  }
}

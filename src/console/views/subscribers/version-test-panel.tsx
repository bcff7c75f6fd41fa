import { useMutation } from '@tanstack/react-query';
import { Link } from 'raviger';
import { useState } from 'react';
import { eventHref } from '../../lib/links.ts';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { formatCount, plural } from '../../lib/format.ts';
import { Panel } from '../../ui/page.tsx';
import { showText } from '../../lib/show-json.ts';
import { shortId } from '../../lib/short-id.ts';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import {
  FORMAT_VERSIONS,
  NEWEST_FORMAT_VERSION,
  type FormatVersion,
} from '../../../contracts/format-versions.ts';
import type { VersionTest } from '../../../contracts/subscribers.ts';
import { testVersion } from '../../../services/subscribers.ts';
import { useSession } from '../../lib/session.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { LastEvents } from './last-events.tsx';
import { shortType } from '../../lib/subscriber-words.ts';
import styles from './subscribers.module.css';

/** What another format version would change in the last events of this subscriber, before it is set. */
export function VersionTestPanel({ id, present }: { id: string; present: FormatVersion }) {
  const { supabase } = useSession();
  const others = FORMAT_VERSIONS.filter(({ date }) => date !== present).toReversed();
  const [chosen, setChosen] = useState<FormatVersion | null>(null);
  const version = chosen !== null && chosen !== present ? chosen : (others[0]?.date ?? NEWEST_FORMAT_VERSION);
  const test = useMutation({
    mutationFn: (limit: number) => unwrap(testVersion(supabase, id, { format_version: version, limit })),
  });
  return (
    <Panel title="Version test">
      <div className={styles['form']}>
        <LastEvents
          start={(limit) => test.mutate(limit)}
          button={() => (
            <Button type="submit" isBusy={test.isPending}>
              Compare
            </Button>
          )}
        >
          <Field label={`From ${present} to`}>
            {(control) => (
              <select
                {...control}
                value={version}
                onChange={(event) => {
                  setChosen(others.find(({ date }) => date === event.target.value)?.date ?? null);
                  test.reset();
                }}
              >
                {others.map(({ date }) => (
                  <option key={date} value={date}>
                    {date}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </LastEvents>
        {test.isError && <ErrorState error={test.error} />}
        {test.data !== undefined && <VersionResults test={test.data} />}
      </div>
    </Panel>
  );
}

/** The members that differ, each once, and the bodies of each event in both versions. */
export function VersionResults({ test: { from, to, changes, events } }: { test: VersionTest }) {
  if (events.length === 0) {
    return (
      <EmptyState title="No event of this subscriber yet">
        Versions can be compared after the first event for this subscriber.
      </EmptyState>
    );
  }
  return (
    <section aria-label="Changes" className={styles['results']}>
      <p role="status">
        From {from} to {to},{' '}
        {changes.length === 0 ? 'nothing changes' : `${plural(changes.length, 'member')} would change`} in the
        last {plural(events.length, 'event')}. Content is the same in every version.
      </p>
      <dl className={styles['changes']}>
        {changes.map(({ path, events: count, before, after }) => (
          <div key={path}>
            <dt>
              <code>{path}</code> in {formatCount(count)}
            </dt>
            <dd className="foreign mono">
              <del>{before ?? 'not there'}</del> <span aria-hidden>→</span> <ins>{after ?? 'not there'}</ins>
            </dd>
          </div>
        ))}
      </dl>
      <ol className={styles['outcomes']}>
        {events.map((event) => (
          <li key={event.event_id}>
            <details>
              <summary>
                {shortType(event.type)}, {event.report_type}
              </summary>
              <Link href={eventHref(event.event_id)}>{shortId(event.event_id)}</Link>
              <JsonText label={from} text={event.before} />
              <JsonText label={to} text={event.after} />
            </details>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** The bytes as they are sent, without content. */
function JsonText({ label, text }: { label: string; text: string }) {
  return (
    <figure className={styles['body']}>
      <figcaption>{label}</figcaption>
      <pre tabIndex={0}>{showText(text)}</pre>
    </figure>
  );
}

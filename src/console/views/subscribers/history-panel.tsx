import { ActorName } from '../../ui/actor-name.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { Panel } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import type { SettingsRevision } from '../../../contracts/subscribers.ts';
import { ChangeList } from './change-list.tsx';
import styles from './subscribers.module.css';
import { changesBetween } from './words.ts';

/** The revisions of the settings, newest first: who changed what. */
export function HistoryPanel({ history }: { history: readonly SettingsRevision[] }) {
  return (
    <Panel title="History of the settings">
      <ol className={styles['history']} aria-label="Revisions">
        {history.map((revision, index) => {
          const before = history[index + 1];
          const changes = before === undefined ? [] : changesBetween(before.settings, revision.settings);
          return (
            <li key={revision.revision}>
              <span>
                <strong>{labelOf(revision.change)}</strong> <RelativeTime value={revision.at} /> by{' '}
                <ActorName id={revision.actor} />
              </span>
              <span className="muted">
                revision {revision.revision}
                {before !== undefined &&
                  before.takes_events !== revision.takes_events &&
                  (revision.takes_events
                    ? ', takes events from this time'
                    : ', takes no events from this time')}
              </span>
              <ChangeList changes={changes} />
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}

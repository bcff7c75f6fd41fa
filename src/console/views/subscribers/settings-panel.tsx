import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { z } from 'zod';
import { Button } from '../../ui/button.tsx';
import { Fact, Facts } from '../../ui/facts.tsx';
import { JsonView } from '../../ui/json-view.tsx';
import { Panel } from '../../ui/page.tsx';
import { ErrorState } from '../../ui/states.tsx';
import type { SubscriberSettings, SubscriberView } from '../../../contracts/subscribers.ts';
import { changeSubscriber } from '../../../services/subscribers.ts';
import { plural } from '../../lib/format.ts';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { useSession } from '../../lib/session.ts';
import { notify } from '../../lib/toasts.ts';
import { Sentence } from '../../ui/verdict-box.tsx';
import { unwrap } from '../../lib/unwrap.ts';
import { ChangeList } from './change-list.tsx';
import { focusFirstError, urlErrorOf } from './form-errors.ts';
import { formOf, readSettings, type SettingsErrors } from './settings-form-state.ts';
import { SettingsFields } from './settings-form.tsx';
import { shortType } from '../../lib/subscriber-words.ts';
import styles from './subscribers.module.css';
import { changesBetween, compressionOf } from './words.ts';

/** The settings in force, and a form to change them. */
export function SettingsPanel({ subscriber }: { subscriber: SubscriberView }) {
  const [edited, setEdited] = useState<SubscriberView | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  function close(): void {
    setEdited(null);
    heading.current?.focus();
  }
  return (
    <Panel
      title={edited === null ? 'Settings' : 'Change settings'}
      headingRef={heading}
      actions={
        edited === null &&
        subscriber.state !== 'removed' && (
          <Button size="small" onClick={() => setEdited(subscriber)}>
            Edit
          </Button>
        )
      }
    >
      {edited === null ? (
        <ShownSettingsList subscriber={subscriber} />
      ) : (
        <SettingsEditor key={edited.endpoint_id} begun={edited} present={subscriber} onClose={close} />
      )}
    </Panel>
  );
}

function ShownSettingsList({ subscriber }: { subscriber: SubscriberView }) {
  const { url, events, filter, format_version, body, mode, rate_per_second } = subscriber.settings;
  return (
    <div className={styles['form']}>
      <Facts>
        <Fact name="URL">{url}</Fact>
        <Fact name="Types">{events.types?.map(shortType).join(', ') ?? 'all'}</Fact>
        <Fact name="Report types">{events.report_types?.join(', ') ?? 'all'}</Fact>
        <Fact name="Stages">{events.stages?.join(', ') ?? 'all'}</Fact>
        <Fact name="Statuses">{events.statuses?.join(', ') ?? 'all'}</Fact>
        <Fact name="Owner">{events.owner_id ?? 'all'}</Fact>
        <Fact name="Superseded">{events.superseded ? 'also sent' : 'not sent'}</Fact>
        <Fact name="Format version">{format_version}</Fact>
        <Fact name="Body">
          {body === 'full' ? 'full' : 'thin: without content, with the path for reading it'}
        </Fact>
        <Fact name="Waiting events">
          {mode === 'every' ? 'every one is sent' : 'of one report only the latest is sent'}
        </Fact>
        <Fact name="Rate">
          {rate_per_second === null ? 'no limit' : `at most ${plural(rate_per_second, 'request')} per second`}
        </Fact>
        <Fact name="Compression">
          <Sentence parts={compressionOf(subscriber)} />
        </Fact>
        <Fact name="Filter">{filter === null ? 'none' : null}</Fact>
      </Facts>
      {filter !== null && <JsonView label="Filter" value={filter} />}
    </div>
  );
}

const conflict = z.object({ code: z.literal('revision_conflict') });

/**
 * What is typed stays, whatever the page reads meanwhile. When somebody else has saved first, it shows what they changed, and asks
 * again.
 * @param begun the settings that the form began with
 * @param present the settings in force, as far as the page knows
 */
function SettingsEditor({
  begun,
  present,
  onClose,
}: {
  begun: SubscriberView;
  present: SubscriberView;
  onClose: () => void;
}) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const [form, setForm] = useState(() => formOf(begun.settings));
  const [errors, setErrors] = useState<SettingsErrors>({});
  /** The revision that is known to whoever saves. */
  const [known, setKnown] = useState(begun);
  const alert = useRef<HTMLDivElement>(null);
  const save = useMutation({
    mutationFn: (request: { revision: number; settings: SubscriberSettings }) =>
      unwrap(changeSubscriber(supabase, begun.endpoint_id, request)),
    onSuccess: () => {
      notify({
        kind: 'success',
        title: 'Settings saved',
        text: 'They apply to new events. Existing deliveries keep their settings.',
      });
      onClose();
    },
    onSettled: () => client.invalidateQueries({ queryKey: OPERATOR_KEY }),
  });
  const isConflict = conflict.safeParse(save.error).success;
  const isChangedMeanwhile = present.revision !== known.revision;
  const isAsked = isConflict && isChangedMeanwhile;
  useEffect(() => {
    if (isAsked) alert.current?.focus();
  }, [isAsked]);
  const urlError = urlErrorOf(save.error);

  function submit(element: HTMLFormElement): void {
    const read = readSettings(form);
    setErrors(read.ok ? {} : read.errors);
    if (read.ok) save.mutate({ revision: known.revision, settings: read.settings });
    else focusFirstError(element);
  }

  return (
    <form
      className={styles['form']}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit(event.currentTarget);
      }}
    >
      {isChangedMeanwhile && (
        <div
          ref={alert}
          tabIndex={-1}
          role="alert"
          className={styles['conflict']}
          aria-label="Changed meanwhile"
        >
          <strong>Somebody else changed these settings meanwhile</strong>
          <ChangeList changes={changesBetween(known.settings, present.settings)} />
          <p className={styles['note']}>Your changes are not saved yet.</p>
          <div className={styles['buttons']}>
            <Button
              size="small"
              onClick={() => {
                setKnown(present);
                save.reset();
              }}
            >
              Keep my changes
            </Button>
            <Button
              size="small"
              onClick={() => {
                setForm(formOf(present.settings));
                setKnown(present);
                save.reset();
              }}
            >
              Take their changes
            </Button>
          </div>
        </div>
      )}
      <SettingsFields
        form={form}
        errors={urlError === undefined ? errors : { url: urlError, ...errors }}
        onChange={(change) => setForm((now) => ({ ...now, ...change }))}
      />
      {save.isError && !isAsked && <ErrorState error={save.error} />}
      <div className={styles['buttons']}>
        <Button type="submit" look="primary" isBusy={save.isPending} disabled={isChangedMeanwhile}>
          Save settings
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </div>
    </form>
  );
}

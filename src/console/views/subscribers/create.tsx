import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from 'raviger';
import { useEffect, useState } from 'react';
import { z } from 'zod';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { ErrorState } from '../../ui/states.tsx';
import type { CreateEndpointRequest } from '../../../contracts/subscribers.ts';
import { createSubscriber } from '../../../services/subscribers.ts';
import { draftStore } from '../../lib/draft.ts';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { useSession } from '../../lib/session.ts';
import { subscriberHref } from '../../lib/subscriber-queries.ts';
import { fromLocalInput } from '../../lib/time-range.ts';
import { useZone, zoneName } from '../../lib/times.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { focusFirstError, urlErrorOf } from './form-errors.ts';
import { emptySettings, readSettings, settingsForm, type SettingsErrors } from './settings-form-state.ts';
import { SettingsFields } from './settings-form.tsx';
import { SECRET_HINT, ShownOnce, TOKEN_HINT } from './shown-once.tsx';
import styles from './subscribers.module.css';

/**
 * The id of the request is kept with it: a request whose answer was lost makes no second subscriber when it is sent again. Other
 * content is another request.
 */
const draft = draftStore(
  'subscriber',
  z.object({ requestId: z.uuid(), form: settingsForm, startAt: z.string() }),
);

export function NewSubscriber() {
  const { supabase, user } = useSession();
  const client = useQueryClient();
  const navigate = useNavigate();
  const zone = useZone();
  const [kept] = useState(() => draft.read(user.id));
  const [requestId, setRequestId] = useState(() => kept?.requestId ?? crypto.randomUUID());
  const [form, setForm] = useState(kept?.form ?? emptySettings);
  const [startAt, setStartAt] = useState(kept?.startAt ?? '');
  const [errors, setErrors] = useState<SettingsErrors & { startAt?: string }>({});
  const create = useMutation({
    mutationFn: (request: CreateEndpointRequest) => unwrap(createSubscriber(supabase, request)),
    onSuccess: () => client.invalidateQueries({ queryKey: OPERATOR_KEY }),
  });
  const made = create.data;
  const isMade = made !== undefined;
  useEffect(() => {
    draft.keep(user.id, { requestId, form, startAt });
  }, [user.id, requestId, form, startAt]);

  function submit(element: HTMLFormElement): void {
    const read = readSettings(form);
    const start = fromLocalInput(startAt, zone);
    const wrong: typeof errors = read.ok ? {} : read.errors;
    if (start !== undefined && Date.parse(start) > Date.now())
      wrong.startAt = 'The time must lie in the past.';
    setErrors(wrong);
    if (read.ok && Object.keys(wrong).length === 0) {
      create.mutate({
        request_id: requestId,
        settings: read.settings,
        ...(start !== undefined && { start_at: start }),
      });
    } else {
      focusFirstError(element);
    }
  }

  /** The draft is of no use any more once what it made was stored. */
  function finish(id: string): void {
    draft.drop();
    navigate(subscriberHref(id));
  }

  if (isMade && 'secret' in made) {
    return (
      <Page title="Subscriber created" lead="The subscriber receives no events before it passes a check.">
        <Panel title="Its secret and its read token">
          <ShownOnce
            values={[
              { name: 'Secret', value: made.secret, hint: SECRET_HINT },
              { name: 'Read token', value: made.read_token, hint: TOKEN_HINT },
            ]}
            done="Open the subscriber"
            onDone={() => finish(made.endpoint.endpoint_id)}
          />
        </Panel>
      </Page>
    );
  }
  if (isMade) {
    return (
      <Page
        title="Subscriber exists"
        lead="An earlier request created the subscriber, but its answer was lost."
      >
        <Panel title="Its secret was shown once">
          <div className={styles['form']}>
            <p>
              If you did not store the secret and the read token, replace both: nothing uses them before the
              check.
            </p>
            <div className={styles['buttons']}>
              <Button look="primary" onClick={() => finish(made.endpoint.endpoint_id)}>
                Open the subscriber
              </Button>
            </div>
          </div>
        </Panel>
      </Page>
    );
  }
  const urlError = urlErrorOf(create.error);
  return (
    <Page
      title="New subscriber"
      lead={
        <>
          Another system that receives our events. <Link href="/subscribers">All subscribers</Link>
        </>
      }
    >
      <Panel title="Settings">
        <form
          className={styles['form']}
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            submit(event.currentTarget);
          }}
        >
          <SettingsFields
            form={form}
            errors={urlError === undefined ? errors : { url: urlError, ...errors }}
            onChange={(change) => {
              setForm((now) => ({ ...now, ...change }));
              setRequestId(crypto.randomUUID());
            }}
          />
          <Field
            label="Start with events since"
            isOptional
            error={errors.startAt}
            hint={`A time in the past, ${zoneName(zone)}. Empty: only events after the check. Live events follow the past ones without a gap.`}
          >
            {(control) => (
              <input
                {...control}
                type="datetime-local"
                min="2020-01-01T00:00"
                value={startAt}
                onChange={(event) => {
                  setStartAt(event.target.value);
                  setRequestId(crypto.randomUUID());
                }}
              />
            )}
          </Field>
          {create.isError && <ErrorState error={create.error} />}
          <div className={styles['buttons']}>
            <Button type="submit" look="primary" isBusy={create.isPending}>
              Create subscriber
            </Button>
          </div>
        </form>
      </Panel>
    </Page>
  );
}

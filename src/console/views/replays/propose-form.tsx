import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { Panel } from '../../ui/page.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import { OUTWARD_EVENT_TYPES, REPORT_TYPES } from '../../../contracts/constants.ts';
import { FORMAT_VERSIONS } from '../../../contracts/format-versions.ts';
import type { ReplayFilter } from '../../../contracts/plans.ts';
import { MAX_RATE_PER_SECOND, type SubscriberView } from '../../../contracts/subscribers.ts';
import { proposeReplay } from '../../../services/plans.ts';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { useSession } from '../../lib/session.ts';
import { fromLocalInput } from '../../lib/time-range.ts';
import { useZone, zoneName } from '../../lib/times.ts';
import { notify } from '../../lib/toasts.ts';
import { hostOf, shortType } from '../../lib/subscriber-words.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { Checks } from '../../ui/checks.tsx';
import styles from './replays.module.css';
import { nameOfReplay } from './words.ts';

/** A plan names at most so many. */
const MOST = 20;

interface Form {
  endpoints: string[];
  from: string;
  to: string;
  reportType: string;
  types: string[];
  version: string;
  rate: string;
  reason: string;
}
type Errors = Partial<Record<keyof Form, string>>;

/** Asks which past events are sent again to whom. The answer is a proposal, with what it would do. */
export function ProposeForm({
  subscribers,
  chosen,
  onClose,
}: {
  subscribers: readonly SubscriberView[];
  chosen: string | undefined;
  onClose: () => void;
}) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const zone = useZone();
  // Each try with the same content is the same request: a proposal whose answer was lost is not made twice.
  const [requestId, setRequestId] = useState(() => crypto.randomUUID());
  const [form, setForm] = useState<Form>({
    endpoints:
      subscribers.some(({ endpoint_id }) => endpoint_id === chosen) && chosen !== undefined ? [chosen] : [],
    from: '',
    to: '',
    reportType: '',
    types: [],
    version: '',
    rate: '',
    reason: '',
  });
  const [errors, setErrors] = useState<Errors>({});
  function change(part: Partial<Form>): void {
    setForm((now) => ({ ...now, ...part }));
    setRequestId(crypto.randomUUID());
  }
  const propose = useMutation({
    mutationFn: (filter: ReplayFilter) => {
      const hosts = subscribers
        .filter(({ endpoint_id }) => filter.endpoint_ids.includes(endpoint_id))
        .map(({ settings }) => hostOf(settings.url));
      return unwrap(
        proposeReplay(supabase, {
          request_id: requestId,
          kind: 'replay',
          name: nameOfReplay(hosts, filter),
          reason: form.reason.trim(),
          filter,
        }),
      );
    },
    onSuccess: () => {
      notify({
        kind: 'info',
        title: 'The replay is proposed',
        text: 'Review the preview, then apply the replay.',
      });
      onClose();
    },
    onSettled: () => client.invalidateQueries({ queryKey: OPERATOR_KEY }),
  });

  function submit(element: HTMLFormElement): void {
    const from = fromLocalInput(form.from, zone);
    const to = fromLocalInput(form.to, zone);
    const rate = form.rate.trim() === '' ? undefined : Number(form.rate);
    const isRate = rate === undefined || (Number.isInteger(rate) && rate >= 1 && rate <= MAX_RATE_PER_SECOND);
    const found: [keyof Form, string | false][] = [
      ['endpoints', form.endpoints.length === 0 && 'Choose the subscribers.'],
      ['endpoints', form.endpoints.length > MOST && `At most ${MOST} at once.`],
      [
        'to',
        from !== undefined && to !== undefined && to <= from && 'The end must be later than the beginning.',
      ],
      ['rate', !isRate && 'A whole number from 1 to 1,000, or empty.'],
      ['reason', form.reason.trim() === '' && 'Give a reason: it is stored with the plan.'],
    ];
    const wrong = found.filter((each): each is [keyof Form, string] => each[1] !== false);
    setErrors(Object.fromEntries(wrong));
    if (wrong.length > 0) {
      requestAnimationFrame(() => element.querySelector<HTMLElement>('[aria-invalid]')?.focus());
      return;
    }
    const reportType = REPORT_TYPES.find((each) => each === form.reportType);
    const version = FORMAT_VERSIONS.find(({ date }) => date === form.version)?.date;
    const types = OUTWARD_EVENT_TYPES.filter((each) => form.types.includes(each));
    propose.mutate({
      endpoint_ids: form.endpoints,
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(reportType !== undefined && { report_type: reportType }),
      ...(types.length > 0 && { types }),
      ...(version !== undefined && { format_version: version }),
      ...(rate !== undefined && { rate_per_second: rate }),
    });
  }

  if (subscribers.length === 0) {
    return (
      <Panel
        title="Propose a replay"
        actions={
          <Button size="small" onClick={onClose}>
            Cancel
          </Button>
        }
      >
        <EmptyState title="No subscriber yet">A replay needs a subscriber.</EmptyState>
      </Panel>
    );
  }
  return (
    <Panel title="Propose a replay">
      <form
        className={styles['form']}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit(event.currentTarget);
        }}
      >
        <Checks
          legend="Subscribers"
          values={subscribers.map(({ endpoint_id }) => endpoint_id)}
          chosen={form.endpoints}
          error={errors.endpoints}
          nameOf={(id) => {
            const found = subscribers.find(({ endpoint_id }) => endpoint_id === id);
            return found === undefined ? id : `${hostOf(found.settings.url)} (${id})`;
          }}
          onChange={(endpoints) => change({ endpoints })}
        />
        <div className={styles['row']}>
          <Field label="Applied since" isOptional hint={zoneName(zone)}>
            {(control) => (
              <input
                {...control}
                type="datetime-local"
                min="2020-01-01T00:00"
                value={form.from}
                onChange={(event) => change({ from: event.target.value })}
              />
            )}
          </Field>
          <Field
            label="Applied before"
            isOptional
            error={errors.to}
            hint={`${zoneName(zone)}; empty: until the replay is applied`}
          >
            {(control) => (
              <input
                {...control}
                type="datetime-local"
                min="2020-01-01T00:00"
                value={form.to}
                onChange={(event) => change({ to: event.target.value })}
              />
            )}
          </Field>
          <Field label="Report type">
            {(control) => (
              <select
                {...control}
                value={form.reportType}
                onChange={(event) => change({ reportType: event.target.value })}
              >
                <option value="">Any</option>
                {REPORT_TYPES.map((type) => (
                  <option key={type} value={type}>
                    {labelOf(type)}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Format version">
            {(control) => (
              <select
                {...control}
                value={form.version}
                onChange={(event) => change({ version: event.target.value })}
              >
                <option value="">Each subscriber’s own</option>
                {FORMAT_VERSIONS.map(({ date }) => (
                  <option key={date} value={date}>
                    {date}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field
            label="Most deliveries per second"
            isOptional
            error={errors.rate}
            hint="For all subscribers of this replay together."
          >
            {(control) => (
              <input
                {...control}
                type="number"
                inputMode="numeric"
                min={1}
                max={MAX_RATE_PER_SECOND}
                value={form.rate}
                onChange={(event) => change({ rate: event.target.value })}
              />
            )}
          </Field>
        </div>
        <Checks
          legend="Types (none chosen: all)"
          values={OUTWARD_EVENT_TYPES}
          chosen={form.types}
          nameOf={shortType}
          onChange={(types) => change({ types })}
        />
        <Field label="Reason" error={errors.reason}>
          {(control) => (
            <input
              {...control}
              dir="auto"
              maxLength={1000}
              placeholder="The receiver lost Monday’s events"
              value={form.reason}
              onChange={(event) => change({ reason: event.target.value })}
            />
          )}
        </Field>
        {propose.isError && <ErrorState error={propose.error} />}
        <div className={styles['buttons']}>
          <Button type="submit" look="primary" isBusy={propose.isPending}>
            Preview
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </form>
    </Panel>
  );
}

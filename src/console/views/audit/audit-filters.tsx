import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { actorsQuery } from '../../lib/operator-queries.ts';
import { type AuditFilter } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import { ATTEMPT_OUTCOMES, REQUEST_OUTCOMES } from '../../../contracts/console-audit.ts';
import { PROBLEMS } from '../../../contracts/problem.ts';
import { useActorNames } from '../../ui/actor-name.tsx';
import { FilterChips } from '../../ui/filter-chips.tsx';
import { FilterBar, FilterSelect, FilterText } from '../../ui/filter-bar.tsx';
import { Field } from '../../ui/field.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { TimeFilter } from '../../ui/time-filter.tsx';

const DIRECTIONS = [
  { value: 'out', label: 'Sent' },
  { value: 'in', label: 'Received' },
] as const;
const GROUPS = [
  { label: 'Attempts', outcomes: ATTEMPT_OUTCOMES },
  { label: 'Requests', outcomes: REQUEST_OUTCOMES },
  { label: 'Refusals', outcomes: Object.keys(PROBLEMS) },
];
const KNOWN = new Set<string>(GROUPS.flatMap(({ outcomes }) => [...outcomes]));
/** What is offered; any other status can be typed. */
const ANSWERS = ['none', 200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 502, 503, 504];

export function AuditFilters({
  filter,
  onChange,
  onClear,
}: {
  filter: AuditFilter;
  onChange: (change: Record<string, string | null | undefined>, options?: { replace?: boolean }) => void;
  onClear: (() => void) | undefined;
}) {
  const { search, direction, outcome, response_status, actor } = filter;
  const nameOf = useActorNames();
  const without =
    (...names: string[]) =>
    () =>
      onChange(Object.fromEntries(names.map((name) => [name, null])));
  return (
    <>
      <FilterBar onClear={onClear}>
        <FilterText
          label="Report, job, event or subscriber id"
          placeholder="The whole id"
          value={filter.search}
          onChange={(search) => onChange({ search }, { replace: true })}
        />
        <FilterSelect
          label="Direction"
          value={filter.direction}
          options={DIRECTIONS}
          onChange={(direction) => onChange({ direction })}
        />
        <Field label="Outcome">
          {(control) => (
            <select
              {...control}
              value={filter.outcome ?? ''}
              onChange={(event) => onChange({ outcome: event.target.value })}
            >
              <option value="">Any</option>
              {filter.outcome !== undefined && !KNOWN.has(filter.outcome) && (
                <option value={filter.outcome}>{filter.outcome}</option>
              )}
              {GROUPS.map(({ label, outcomes }) => (
                <optgroup key={label} label={label}>
                  {outcomes.map((outcome) => (
                    <option key={outcome} value={outcome}>
                      {labelOf(outcome)}
                    </option>
                  ))}
                </optgroup>
              ))}
            </select>
          )}
        </Field>
        <AnswerFilter
          value={filter.response_status?.toString()}
          onChange={(answer) => onChange({ answer }, { replace: true })}
        />
        <ActorFilter value={filter.actor} onChange={(actor) => onChange({ actor })} />
        <TimeFilter label="When" range={filter} onChange={onChange} />
      </FilterBar>
      <FilterChips
        filters={[
          { name: 'Id', value: search, onRemove: without('search') },
          {
            name: 'Direction',
            value: DIRECTIONS.find(({ value }) => value === direction)?.label,
            onRemove: without('direction'),
          },
          { name: 'Outcome', value: outcome && labelOf(outcome), onRemove: without('outcome') },
          { name: 'Answer', value: response_status?.toString(), onRemove: without('answer') },
          { name: 'Who', value: actor && nameOf(actor), onRemove: without('actor') },
        ]}
        time={{ name: 'When', range: filter, onRemove: without('since', 'after', 'before') }}
      />
    </>
  );
}

/** People by their addresses; a link may name one who is not listed. */
function ActorFilter({
  value,
  onChange,
}: {
  value: string | undefined;
  onChange: (actor: string | undefined) => void;
}) {
  const { supabase } = useSession();
  const { data = [] } = useQuery(actorsQuery(supabase));
  const people = data.map(({ id, email }) => ({ value: id, label: email ?? id }));
  const isListed =
    value === undefined || ['cron', 'sender'].includes(value) || data.some(({ id }) => id === value);
  return (
    <FilterSelect
      label="Who"
      any="Anybody"
      value={value}
      options={[
        { value: 'sender', label: 'Senders of webhooks' },
        { value: 'cron', label: 'The cron' },
        ...people,
        ...(isListed ? [] : [{ value, label: `${value.slice(0, 8)}…` }]),
      ]}
      onChange={onChange}
    />
  );
}

/** Takes effect as soon as it is a status, `none` or empty. */
function AnswerFilter({
  value,
  onChange,
}: {
  value: string | undefined;
  onChange: (answer: string) => void;
}) {
  // Unapplied input, kept until the applied filter changes.
  const [typed, setTyped] = useState<{ text: string; over: string | undefined } | null>(null);
  const draft = typed !== null && typed.over === value ? typed.text : null;
  const [isLeft, setLeft] = useState(false);
  const listId = useId();
  return (
    <Field label="Answer" error={isLeft && draft !== null ? 'A status from 100 to 599, or none.' : undefined}>
      {(control) => (
        <>
          <input
            {...control}
            list={listId}
            autoComplete="off"
            placeholder="502, none, …"
            value={draft ?? value ?? ''}
            onFocus={() => setLeft(false)}
            onBlur={() => setLeft(true)}
            onChange={({ target }) => {
              const answer = target.value.trim().toLowerCase();
              const isWhole = /^([1-5]\d\d|none|)$/.test(answer);
              setTyped(isWhole ? null : { text: target.value, over: value });
              if (isWhole) onChange(answer);
            }}
          />
          <datalist id={listId}>
            {ANSWERS.map((answer) => (
              <option key={answer} value={answer} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

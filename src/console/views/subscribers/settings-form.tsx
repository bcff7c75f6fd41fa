import { Choice } from '../../ui/choice.tsx';
import { Field } from '../../ui/field.tsx';
import { OUTWARD_EVENT_TYPES, OUTWARD_STATUSES, REPORT_TYPES, STAGES } from '../../../contracts/constants.ts';
import { FORMAT_VERSIONS, NEWEST_FORMAT_VERSION } from '../../../contracts/format-versions.ts';
import { MAX_RATE_PER_SECOND } from '../../../contracts/subscribers.ts';
import { shortType } from '../../lib/subscriber-words.ts';
import { Checks } from '../../ui/checks.tsx';
import { FilterField } from './filter-field.tsx';
import type { SettingsErrors, SettingsForm } from './settings-form-state.ts';
import styles from './subscribers.module.css';

/** Which events a subscriber takes, and how it is sent them. */
export function SettingsFields({
  form,
  errors,
  onChange,
}: {
  form: SettingsForm;
  errors: SettingsErrors;
  onChange: (change: Partial<SettingsForm>) => void;
}) {
  return (
    <>
      <Field
        label="URL"
        error={errors.url}
        hint="https only. The host must match SUBSCRIBER_HOSTS, a variable of the deployment."
      >
        {(control) => (
          <input
            {...control}
            type="url"
            spellCheck={false}
            autoComplete="off"
            maxLength={2000}
            placeholder="https://hooks.example.org/polaris"
            value={form.url}
            onChange={(event) => onChange({ url: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="Description"
        isOptional
        error={errors.description}
        hint="The system, and whom to contact."
      >
        {(control) => (
          <input
            {...control}
            dir="auto"
            maxLength={500}
            value={form.description}
            onChange={(event) => onChange({ description: event.target.value })}
          />
        )}
      </Field>
      <fieldset className={styles['group']}>
        <legend>Events</legend>
        <p className="muted">If nothing in a group is checked, all its values are sent.</p>
        <Checks
          legend="Types"
          values={OUTWARD_EVENT_TYPES}
          chosen={form.types}
          error={errors.types}
          nameOf={shortType}
          onChange={(types) => onChange({ types })}
        />
        <Checks
          legend="Report types"
          values={REPORT_TYPES}
          chosen={form.report_types}
          error={errors.report_types}
          onChange={(report_types) => onChange({ report_types })}
        />
        <Checks
          legend="Stages"
          values={STAGES}
          chosen={form.stages}
          error={errors.stages}
          onChange={(stages) => onChange({ stages })}
        />
        <Checks
          legend="Statuses"
          values={OUTWARD_STATUSES}
          chosen={form.statuses}
          error={errors.statuses}
          onChange={(statuses) => onChange({ statuses })}
        />
        <label className={styles['check']}>
          <input
            type="checkbox"
            checked={form.superseded}
            onChange={(event) => onChange({ superseded: event.target.checked })}
          />
          Also superseded events (a newer result won)
        </label>
        <Field label="Only reports of this user" isOptional error={errors.owner_id} hint="The user’s id.">
          {(control) => (
            <input
              {...control}
              spellCheck={false}
              autoComplete="off"
              value={form.owner_id}
              onChange={(event) => onChange({ owner_id: event.target.value })}
            />
          )}
        </Field>
        <FilterField value={form.filter} error={errors.filter} onChange={(filter) => onChange({ filter })} />
      </fieldset>
      <fieldset className={styles['group']}>
        <legend>How events are sent</legend>
        <Field
          label="Format version"
          error={errors.format_version}
          hint="The subscriber keeps this version when newer ones are released."
        >
          {(control) => (
            <select
              {...control}
              value={form.format_version}
              onChange={(event) => {
                const version = FORMAT_VERSIONS.find(({ date }) => date === event.target.value);
                if (version !== undefined) onChange({ format_version: version.date });
              }}
            >
              {FORMAT_VERSIONS.map(({ date }) => (
                <option key={date} value={date}>
                  {date}
                  {date === NEWEST_FORMAT_VERSION && ' (newest)'}
                </option>
              ))}
            </select>
          )}
        </Field>
        <div className={styles['choices']}>
          <Choice
            legend="Body"
            value={form.body}
            options={[
              { value: 'full', label: 'Full' },
              { value: 'thin', label: 'Thin: a path instead of content' },
            ]}
            onChange={(body) => onChange({ body })}
          />
          <Choice
            legend="Waiting events of one report"
            value={form.mode}
            options={[
              { value: 'every', label: 'Every one' },
              { value: 'latest', label: 'Only the latest' },
            ]}
            onChange={(mode) => onChange({ mode })}
          />
          <Choice
            legend="Compression, used after a passed check"
            value={form.compression}
            options={[
              { value: 'none', label: 'None' },
              { value: 'gzip', label: 'gzip' },
              { value: 'zstd', label: 'zstd' },
            ]}
            onChange={(compression) => onChange({ compression })}
          />
        </div>
        <Field
          label="Most requests per second"
          isOptional
          error={errors.rate_per_second}
          hint="A limit delays deliveries and drops none."
        >
          {(control) => (
            <input
              {...control}
              type="number"
              inputMode="numeric"
              min={1}
              max={MAX_RATE_PER_SECOND}
              value={form.rate_per_second}
              onChange={(event) => onChange({ rate_per_second: event.target.value })}
            />
          )}
        </Field>
      </fieldset>
    </>
  );
}

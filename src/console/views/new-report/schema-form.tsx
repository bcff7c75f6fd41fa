import { Field } from '../../ui/field.tsx';
import { REST, type FormErrors, type FormField, type FormValues } from './form-fields.ts';
import styles from './schema-form.module.css';

const HINTS = { texts: 'One per line.' } as const;

/** The controls of a schema's fields. `restHint` says what the JSON editor is for. */
export function SchemaForm({
  fields,
  values,
  errors,
  restHint,
  onChange,
}: {
  fields: readonly FormField[];
  values: FormValues;
  errors: FormErrors;
  restHint: string;
  onChange: (values: FormValues) => void;
}) {
  return (
    <div className={styles['grid']}>
      {fields.map((field) => (
        <div key={field.name} className={isWide(field) ? styles['wide'] : undefined}>
          <Control
            field={field}
            value={values.texts[field.name] ?? ''}
            error={errors[field.name]}
            onChange={(text) => onChange({ ...values, texts: { ...values.texts, [field.name]: text } })}
          />
        </div>
      ))}
      <div className={styles['wide']}>
        <Field label="Other fields, as JSON" isOptional hint={restHint} error={errors[REST]}>
          {(control) => (
            <textarea
              {...control}
              className={`${control.className} mono`}
              rows={values.rest === '' ? 3 : 10}
              spellCheck={false}
              value={values.rest}
              onChange={(event) => onChange({ ...values, rest: event.target.value })}
            />
          )}
        </Field>
      </div>
    </div>
  );
}

function isWide({ kind }: FormField): boolean {
  return kind === 'long-text' || kind === 'texts';
}

function Control({
  field: { label, kind, isOptional },
  value,
  error,
  onChange,
}: {
  field: FormField;
  value: string;
  error: string | undefined;
  onChange: (text: string) => void;
}) {
  const hint = kind === 'texts' ? HINTS.texts : undefined;
  return (
    <Field label={label} isOptional={isOptional} error={error} {...(hint !== undefined && { hint })}>
      {(control) => {
        const shared = { ...control, dir: 'auto', value, 'aria-required': !isOptional || undefined };
        if (kind === 'long-text' || kind === 'texts') {
          return <textarea {...shared} rows={3} onChange={(event) => onChange(event.target.value)} />;
        }
        return (
          <input
            {...shared}
            inputMode={kind === 'number' ? 'decimal' : undefined}
            onChange={(event) => onChange(event.target.value)}
          />
        );
      }}
    </Field>
  );
}

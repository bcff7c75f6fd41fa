import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useSession } from '../../lib/session.ts';
import { notify } from '../../lib/toasts.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { newReport, type NewReport, type ReportRef } from '../../../contracts/console-reports.ts';
import { REPORT_TYPES, STAGES } from '../../../contracts/constants.ts';
import { userDataSchema } from '../../../contracts/intake.ts';
import type { ReportType, Stage } from '../../../contracts/webhooks.ts';
import { createReportWithWebhookTracking } from '../../../services/polarisReportsService.ts';
import { Button } from '../../ui/button.tsx';
import { Choice } from '../../ui/choice.tsx';
import { Field } from '../../ui/field.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { Panel } from '../../ui/page.tsx';
import { newReportDraft } from './draft.ts';
import { emptyForm, fillForm, formFields, readForm, type FormErrors } from './form-fields.ts';
import { SchemaForm } from './schema-form.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { exampleNames, loadExample } from './examples.ts';
import styles from './new-report.module.css';

const DEFAULT_PROMPT = 'Write the needs analysis for this intake.';

/** Adds a report of the signed-in person. `onCreated` is also told what the generator will be asked. */
export function NewReportForm({ onCreated }: { onCreated: (report: ReportRef, prompt: string) => void }) {
  const { supabase, user } = useSession();
  const client = useQueryClient();
  const [kept] = useState(() => newReportDraft.read(user.id));
  const [reportType, setReportType] = useState<ReportType>(kept?.reportType ?? 'greeting');
  const [values, setValues] = useState(kept?.values ?? emptyForm);
  const [prompt, setPrompt] = useState(kept?.prompt ?? DEFAULT_PROMPT);
  const [text, setText] = useState(kept?.text ?? '');
  const [stage, setStage] = useState<Stage>(kept?.stage ?? 'prelim');
  useEffect(() => {
    newReportDraft.keep(user.id, { reportType, values, prompt, text, stage });
  }, [user.id, reportType, values, prompt, text, stage]);
  const [errors, setErrors] = useState<FormErrors>({});
  const [textError, setTextError] = useState<string>();
  const schema = userDataSchema(reportType);
  const fields = formFields(schema);
  const examples = exampleNames(reportType);

  const create = useMutation({
    mutationFn: (report: NewReport) => unwrap(createReportWithWebhookTracking(supabase, report)),
    onSuccess: ({ id }) => {
      newReportDraft.drop();
      void client.invalidateQueries({ queryKey: ['my-reports'] });
      notify({ kind: 'success', title: 'Report created' });
      onCreated({ report_type: reportType, report_id: id }, prompt);
    },
  });
  const load = useMutation({
    mutationFn: loadExample,
    onSuccess: (example) => {
      setValues(fillForm(fields, example.user_data));
      setPrompt(example.prompt);
      setErrors({});
    },
  });

  function submit(form: HTMLFormElement): void {
    const read = readForm(schema, values);
    const finished = text.trim() === '' ? {} : { research_report: text, stage };
    const user_data = read.ok ? read.value : {};
    const report = newReport.safeParse({ report_type: reportType, user_data, ...finished });
    setErrors(read.ok ? {} : read.errors);
    setTextError(report.error?.issues.find(({ path }) => path[0] === 'research_report')?.message);
    if (report.success) {
      create.mutate(report.data);
      return;
    }
    // After the errors are on the page.
    requestAnimationFrame(() => {
      const field = form.querySelector<HTMLElement>('[aria-invalid]');
      field?.closest('details')?.setAttribute('open', '');
      field?.focus();
    });
  }

  return (
    <Panel title="New report">
      <form
        className={styles['form']}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit(event.currentTarget);
        }}
      >
        <div className={styles['row']}>
          <Choice
            legend="Report type"
            value={reportType}
            options={REPORT_TYPES.map((type) => ({ value: type, label: labelOf(type) }))}
            onChange={(type) => {
              setReportType(type);
              setValues(emptyForm());
              setErrors({});
            }}
          />
          {examples.length > 0 && (
            <Field label="Example">
              {(control) => (
                <select {...control} value="" onChange={(event) => load.mutate(event.target.value)}>
                  <option value="">Choose one…</option>
                  {examples.map((name) => (
                    <option key={name} value={name}>
                      {labelOf(name.slice(reportType.length + 1).replaceAll('-', '_'))}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          )}
        </div>
        {load.isError && <ErrorState error={load.error} />}
        <SchemaForm
          fields={fields}
          values={values}
          errors={errors}
          restHint="One JSON object, stored unchanged: nested fields, and fields without a control here."
          onChange={setValues}
        />
        <Field label="Instructions" hint="The generator gets these instructions when a job starts.">
          {(control) => (
            <textarea
              {...control}
              rows={2}
              dir="auto"
              value={prompt}
              onChange={(event) => setPrompt(event.target.value)}
            />
          )}
        </Field>
        <details className={styles['more']}>
          <summary>I already have the text</summary>
          <div className={styles['form']}>
            <Field
              label="Text"
              isOptional
              error={textError}
              hint="Markdown. The text becomes the report's content at once, as your edit."
            >
              {(control) => (
                <textarea
                  {...control}
                  rows={6}
                  dir="auto"
                  value={text}
                  onChange={(event) => setText(event.target.value)}
                />
              )}
            </Field>
            <Choice
              legend="Its stage"
              value={stage}
              options={STAGES.map((each) => ({ value: each, label: labelOf(each) }))}
              onChange={setStage}
            />
          </div>
        </details>
        {create.isError && <ErrorState error={create.error} />}
        <div>
          <Button type="submit" look="primary" isBusy={create.isPending}>
            Create report
          </Button>
        </div>
      </form>
    </Panel>
  );
}

import { z } from 'zod';
import { labelOf } from '../../lib/label-of.ts';

/** `texts`: a list of texts, one a line. What is nested deeper has no control of its own: see `readForm`. */
type FieldKind = 'text' | 'long-text' | 'number' | 'texts';

export interface FormField {
  name: string;
  label: string;
  kind: FieldKind;
  isOptional: boolean;
}

/** What the controls hold: the text of each field by its name, and the nested rest as JSON. */
export interface FormValues {
  texts: Record<string, string>;
  rest: string;
}

export type FormErrors = Record<string, string>;
type FormResult<T> = { ok: true; value: T } | { ok: false; errors: FormErrors };

/** The key of FormErrors for the nested rest. */
export const REST = '';

/** Longer texts get more than one line. */
const LONGEST_LINE = 300;

/** The fields of a schema that a control can show, required ones first. */
export function formFields(schema: z.ZodObject): FormField[] {
  const fields = Object.entries(schema.shape).flatMap(([name, member]) => {
    const isOptional = member instanceof z.ZodOptional;
    const kind = kindOf(isOptional ? member.unwrap() : member);
    return kind === undefined ? [] : [{ name, label: labelOf(name), kind, isOptional }];
  });
  return [
    ...fields.filter(({ isOptional }) => !isOptional),
    ...fields.filter(({ isOptional }) => isOptional),
  ];
}

function kindOf(schema: unknown): FieldKind | undefined {
  if (schema instanceof z.ZodString) return (schema.maxLength ?? 0) > LONGEST_LINE ? 'long-text' : 'text';
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodArray && schema.element instanceof z.ZodString) return 'texts';
  return undefined;
}

export function emptyForm(): FormValues {
  return { texts: {}, rest: '' };
}

/** Fills the controls with a value of the schema; what no control shows goes into the rest. */
export function fillForm(fields: readonly FormField[], value: Readonly<Record<string, unknown>>): FormValues {
  const names = new Set(fields.map(({ name }) => name));
  const texts = fields.flatMap(({ name }) => {
    const member = value[name];
    if (Array.isArray(member)) return [[name, member.join('\n')] as const];
    return typeof member === 'string' || typeof member === 'number' ? [[name, String(member)] as const] : [];
  });
  const rest = Object.entries(value).filter(([name]) => !names.has(name));
  return {
    texts: Object.fromEntries(texts),
    rest: rest.length === 0 ? '' : JSON.stringify(Object.fromEntries(rest), null, 2),
  };
}

/** What the controls say, checked by the schema: its value, or each error at its field. An empty control says nothing. */
export function readForm<T extends z.ZodObject>(schema: T, values: FormValues): FormResult<z.output<T>> {
  const fields = formFields(schema);
  const rest = readRest(values.rest);
  if (typeof rest === 'string') return { ok: false, errors: { [REST]: rest } };
  const given = fields.flatMap(({ name, kind }) => {
    const text = values.texts[name]?.trim() ?? '';
    return text === '' ? [] : [[name, readText(kind, text)] as const];
  });
  const twice = given.find(([name]) => name in rest);
  if (twice !== undefined) {
    return { ok: false, errors: { [REST]: `${twice[0]} has its own field: leave it out here` } };
  }
  const parsed = schema.safeParse({ ...rest, ...Object.fromEntries(given) });
  if (parsed.success) return { ok: true, value: parsed.data };
  const missing = fields.filter(
    ({ name, isOptional }) => !isOptional && !given.some(([each]) => each === name),
  );
  return {
    ok: false,
    errors: {
      ...errorsOf(parsed.error, new Set(fields.map(({ name }) => name))),
      ...Object.fromEntries(missing.map(({ name, label }) => [name, `${label} is required.`])),
    },
  };
}

function readText(kind: FieldKind, text: string): string | number | string[] {
  if (kind === 'number') return Number(text);
  if (kind !== 'texts') return text;
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** The object, or what is wrong with the text. */
function readRest(text: string): Record<string, unknown> | string {
  if (text.trim() === '') return {};
  try {
    const parsed = z.record(z.string(), z.unknown()).safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : 'must be a JSON object: { "name": … }';
  } catch (error) {
    return `is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function errorsOf(error: z.ZodError, names: ReadonlySet<string>): FormErrors {
  const errors: FormErrors = {};
  for (const { path, message } of error.issues) {
    const [first, ...inner] = path.map(String);
    const isOwn = first !== undefined && names.has(first);
    const key = isOwn ? first : REST;
    const where = isOwn ? inner.map((index) => `line ${Number(index) + 1}`).join(' ') : path.join('.');
    const line = where === '' ? message : `${where}: ${message}`;
    errors[key] = errors[key] === undefined ? line : `${errors[key]}\n${line}`;
  }
  return errors;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { z } from 'zod';
import { DOCUMENT } from '../../../tools/openapi/paths.ts';
import { projectRoot } from '../../../tools/local/paths.ts';
import { closed } from './close.ts';

const parameter = z.object({
  in: z.enum(['query', 'header']),
  name: z.string(),
  required: z.boolean().default(false),
});
const content = z.record(z.string(), z.object({ schema: z.unknown() })).default({});
const response = z.object({ content, headers: z.record(z.string(), z.unknown()).default({}) });
const operation = z.object({
  parameters: z.array(parameter).default([]),
  requestBody: z.object({ required: z.boolean().default(false), content }).optional(),
  responses: z.record(z.string(), response),
});
const pathItem = z.record(z.string(), operation);
const openapi = z.object({
  paths: z.record(z.string(), pathItem),
  webhooks: z.record(z.string(), pathItem),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});
export type Operation = z.infer<typeof operation>;

/** A pointer into the document, as its steps. */
type Pointer = readonly (string | number)[];

interface Described {
  paths: z.infer<typeof openapi>['paths'];
  webhooks: z.infer<typeof openapi>['webhooks'];
  /** What is wrong with a value, one line for each fault. */
  faultsOf: (kind: 'sent to us' | 'sent by us' | 'text', schema: Pointer, value: unknown) => string[];
}

let described: Described | undefined;

/** The committed document, read and compiled once in each process. */
export function openDocument(): Described {
  described ??= readDocument();
  return described;
}

function readDocument(): Described {
  const text = readFileSync(join(projectRoot, DOCUMENT), 'utf8');
  const parsed: unknown = JSON.parse(text);
  const { paths, webhooks, components } = openapi.parse(parsed);
  const { schemas } = components;
  // Requests stay open where the functions ignore what they do not know; answers and events are closed.
  const validators = {
    'sent to us': compiler(parsed, schemas, (schema) => schema),
    'sent by us': compiler(parsed, schemas, closed),
    // Queries and headers are text.
    text: compiler(parsed, schemas, (schema) => schema, true),
  };
  return {
    paths,
    webhooks,
    faultsOf(kind, schema, value) {
      const validate = validators[kind](schema);
      if (validate(value)) return [];
      const faults = (validate.errors ?? []).map(({ instancePath, message = '', params, data }) => {
        const told = JSON.stringify(params);
        return `${instancePath || 'it'} ${message} ${told} ${JSON.stringify([data]).slice(0, 120)}`;
      });
      return faults.slice(0, 8);
    },
  };
}

/** Compiles the schemas of a document as they are asked for. */
function compiler(
  document: unknown,
  schemas: Readonly<Record<string, unknown>>,
  change: (schema: unknown) => unknown,
  coerceTypes = false,
) {
  const ajv = new Ajv2020({
    strict: false,
    allErrors: true,
    verbose: true,
    validateSchema: false,
    coerceTypes,
  });
  addFormats.default(ajv);
  // Each for itself: for a reference into the whole document, all of it would be walked again and again.
  for (const [name, schema] of Object.entries(schemas)) ajv.addSchema(apart(change(schema)), `/${name}`);
  const compiled = new Map<string, ValidateFunction>();
  return (pointer: Pointer): ValidateFunction => {
    const id = pointer.join('/');
    const known = compiled.get(id);
    if (known !== undefined) return known;
    const made = ajv.compile(apart(change(pointer.reduce<unknown>(memberOf, document))));
    compiled.set(id, made);
    return made;
  };
}

function memberOf(node: unknown, step: string | number): unknown {
  return typeof node === 'object' && node !== null ? Reflect.get(node, step) : undefined;
}

/** The schema with its references to others by their names. */
function apart(schema: unknown): object {
  const text = JSON.stringify(schema).replaceAll('"#/components/schemas/', '"/');
  return z.looseObject({}).parse(JSON.parse(text));
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiResponseObject } from 'zod-openapi';
import {
  CALLERS,
  HEADERS,
  HEADERS_OF_PROBLEMS,
  TAGS,
  type Caller,
  type HeaderName,
  type Operation,
  type Paths,
} from '../../src/contracts/openapi/operation.ts';
import { JOB_PATHS } from '../../src/contracts/openapi/jobs.ts';
import { MONITORING_PATHS } from '../../src/contracts/openapi/monitoring.ts';
import { OPERATOR_PATHS } from '../../src/contracts/openapi/operators.ts';
import { DESCRIBED, NAMED_SCHEMAS } from '../../src/contracts/openapi/schemas.ts';
import { SENT, type Sent } from '../../src/contracts/openapi/sent.ts';
import { SUBSCRIBER_PATHS } from '../../src/contracts/openapi/subscribers.ts';
import { WEBHOOK_PATHS } from '../../src/contracts/openapi/webhooks.ts';
import { PROBLEMS, problemDetails, type ProblemCode } from '../../src/contracts/problem.ts';
import { printPage } from './page.ts';
import { DOCUMENT, PAGE } from './paths.ts';
import { tableOf } from './tables.ts';

/** All paths, from the files that describe them. */
export const PATHS: Paths = {
  ...JOB_PATHS,
  ...WEBHOOK_PATHS,
  ...OPERATOR_PATHS,
  ...SUBSCRIBER_PATHS,
  ...MONITORING_PATHS,
};

const DESCRIPTION = `Paths, bodies, answers and problem codes. \`docs/contract.md\` of the repository has the rules that a schema cannot express.

- Answers may get new members: ignore unknown ones. Requests are validated against these schemas.
- Errors are problem details (RFC 9457). Decide by \`code\`.
- Any other method is answered 405 \`method_not_allowed\`, with \`Allow\`.
- Every answer but that to \`OPTIONS\` has \`Cache-Control: no-store\`.`;

type Json = Record<string, unknown>;

/**
 * Composes the OpenAPI document from the contracts that the functions parse with. Descriptions of members, problem codes and
 * headers come from the tables of docs/contract.md.
 * @param project the folder that holds `docs/` and `package.json`
 */
async function composeDocument(project: string): Promise<Json> {
  const page = await readFile(join(project, 'docs/contract.md'), 'utf8');
  const { version, license } = z
    .object({ version: z.string(), license: z.string() })
    .parse(JSON.parse(await readFile(join(project, 'package.json'), 'utf8')));
  const problemWords = wordsOf(page, 'problems', -1);

  for (const [id, schema] of Object.entries(NAMED_SCHEMAS)) {
    z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id });
  }
  const document = createDocument(
    {
      openapi: '3.1.0',
      info: {
        title: 'Polaris report webhooks',
        version,
        description: DESCRIPTION,
        license: { name: license, identifier: license },
      },
      servers: [{ url: '/', description: 'The deployment that serves this document.' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      security: [],
      paths: Object.fromEntries(
        Object.entries(PATHS).map(([path, methods]) => [path, pathItem(methods, problemWords)]),
      ),
      webhooks: Object.fromEntries(
        Object.entries(SENT).map(([name, sent]) => [name, { post: sentOperation(sent) }]),
      ),
      components: {
        securitySchemes: CALLERS,
        headers: Object.fromEntries(
          Object.entries(HEADERS).map(([name, description]) => [
            name,
            { description, schema: { type: 'string' as const } },
          ]),
        ),
      },
    },
    { override: plain },
  );
  // Converts the library's result to plain JSON, without undefined members.
  const json = jsonObject.parse(JSON.parse(JSON.stringify(document)));
  describeMembers(json, page);
  return json;
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
/** A custom schema, since a record schema would copy objects that are changed in place below. */
const jsonObject = z.custom<Json>(isObject);
const objects = z.custom<Json[]>((value) => Array.isArray(value) && value.every(isObject));

/** The generated files, by their paths. */
export async function printFiles(project: string): Promise<{ path: string; text: string }[]> {
  const document = await composeDocument(project);
  return [
    { path: DOCUMENT, text: await format(JSON.stringify(document), { parser: 'json', printWidth: 110 }) },
    { path: PAGE, text: printPage(document) },
  ];
}

function pathItem(methods: Paths[string], problemWords: ReadonlyMap<string, string>) {
  const operations = Object.entries(methods).map(
    ([method, operation]) => [method, describeOperation(operation, problemWords, method === 'head')] as const,
  );
  const first = Object.values(methods).find(({ isForPages }) => isForPages === true);
  return Object.fromEntries([
    ...operations,
    ...(first === undefined ? [] : [['options', preflight(first)] as const]),
  ]);
}

function preflight({ id, tag }: Operation): ZodOpenApiOperationObject {
  return {
    operationId: `${id}.options`,
    tags: [tag],
    summary: 'Which methods there are, for pages of other origins',
    description: 'Pages of the origins in `CORS_ORIGINS` get the permission to call.',
    security: [],
    responses: {
      204: {
        description: 'The methods, in `Allow`.',
        ...headerRefs([
          'Allow',
          'Access-Control-Allow-Origin',
          'Access-Control-Allow-Methods',
          'Access-Control-Allow-Headers',
          'Access-Control-Max-Age',
        ]),
      },
    },
  };
}

function describeOperation(
  operation: Operation,
  problemWords: ReadonlyMap<string, string>,
  isHead: boolean,
): ZodOpenApiOperationObject {
  const {
    id,
    tag,
    summary,
    description,
    callers,
    query,
    headers,
    body,
    answers,
    headersOfAll = [],
  } = operation;
  const problems: ProblemCode[] = [...operation.problems, 'internal_error', 'database_unavailable'];
  const mediaTypes = [
    'application/problem+json',
    ...(operation.isForPages === true ? ['application/json'] : []),
  ];
  const responses: Record<string, ZodOpenApiResponseObject> = {};
  for (const [status, answer] of Object.entries(answers)) {
    const { schema } = answer;
    responses[status] = {
      description: answer.description,
      ...headerRefs([...headersOfAll, ...(answer.headers ?? [])]),
      ...(schema !== undefined && {
        content: Object.fromEntries(
          (answer.mediaTypes ?? ['application/json']).map((type) => [type, { schema }]),
        ),
      }),
    };
  }
  const byStatus = Map.groupBy(new Set(problems), (code) => PROBLEMS[code].status);
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b)) {
    const schema = problemOf(codes);
    responses[status] = {
      description: codes.map((code) => `\`${code}\`: ${problemWords.get(code) ?? ''}`).join('\n\n'),
      ...headerRefs([...headersOfAll, ...codes.flatMap((code) => HEADERS_OF_PROBLEMS[code] ?? [])]),
      ...(!isHead && { content: Object.fromEntries(mediaTypes.map((type) => [type, { schema }])) }),
    };
  }
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    security: callers.map(securityOf),
    ...((query !== undefined || headers !== undefined) && {
      requestParams: { ...(query && { query }), ...(headers && { header: headers }) },
    }),
    ...(body && {
      requestBody: {
        required: body.isOptional !== true,
        content: { 'application/json': { schema: body.schema } },
      },
    }),
    responses,
  };
}

function sentOperation({ id, summary, description, headers, body, answer }: Sent): ZodOpenApiOperationObject {
  return {
    operationId: id,
    tags: ['What is sent'],
    summary,
    description,
    security: [{ signature: [] }],
    requestParams: { header: headers },
    requestBody: { required: true, content: { 'application/json': { schema: body } } },
    responses: {
      '2XX': {
        description: 'Confirmed.',
        ...(answer && { content: { 'application/json': { schema: answer } } }),
      },
      410: { description: 'The receiver is gone for ever: a subscriber is paused.' },
      default: { description: 'Not confirmed: sent again by the schedule.' },
    },
  };
}

function securityOf(caller: Caller): Record<string, string[]> {
  return caller === 'nobody' ? {} : { [caller]: [] };
}

function headerRefs(names: readonly HeaderName[]) {
  if (names.length === 0) return {};
  return {
    headers: Object.fromEntries(
      [...new Set(names)].map((name) => [name, { $ref: `#/components/headers/${name}` as const }]),
    ),
  };
}

const problemSchemas = new Map<string, z.ZodType>();

/** Problem details with one of these codes. Answers with the same codes share one named schema. */
function problemOf(codes: readonly ProblemCode[]): z.ZodType {
  const id = `Problem.${codes.join('.')}`;
  const known = problemSchemas.get(id);
  if (known !== undefined) return known;
  const made = z.intersection(problemDetails, z.object({ code: z.enum(codes) })).meta({ id });
  problemSchemas.set(id, made);
  return made;
}

/**
 * Removes what zod adds beyond a reader's need: patterns beside the formats of times and UUIDs, and the bounds of safe
 * integers. Answers may get further members; the tests close them (`tests/support/openapi/close.ts`).
 */
function plain({ jsonSchema, io }: { jsonSchema: Json; io: 'input' | 'output' }): void {
  if (jsonSchema['format'] === 'date-time') delete jsonSchema['pattern'];
  if (
    jsonSchema['format'] === 'uuid' &&
    String(jsonSchema['pattern']).startsWith('^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}')
  ) {
    delete jsonSchema['pattern'];
  }
  if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum'];
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum'];
  if (io === 'output' && jsonSchema['properties'] !== undefined) delete jsonSchema['additionalProperties'];
}

/** Maps the names in the first cell of each row to another cell as plain text. */
function wordsOf(page: string, table: string, column: number): Map<string, string> {
  return new Map(
    tableOf(page, table).flatMap((cells) =>
      [...(cells[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => [
        name,
        plainText(cells.at(column) ?? ''),
      ]),
    ),
  );
}

/** Removes links, whose targets are in another file. */
function plainText(markdown: string): string {
  return markdown.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('\\|', '|');
}

function describeMembers(document: Json, page: string): void {
  for (const { schema, path = [], table } of DESCRIBED) {
    const words = wordsOf(page, `fields: ${table}`, 1);
    const members = at(document, ['components', 'schemas', schema, ...path, 'properties']);
    for (const [name, member] of Object.entries(jsonObject.parse(members))) {
      const description = words.get(name);
      // Older tools ignore a description beside a reference.
      if (description === undefined || !isObject(member) || '$ref' in member) continue;
      Object.assign(member, { description });
    }
  }
  const headers = wordsOf(page, 'subscriber headers', 1);
  for (const name of Object.keys(SENT)) {
    for (const parameter of objects.parse(at(document, ['webhooks', name, 'post', 'parameters']))) {
      const description = headers.get(String(parameter['name']));
      if (description !== undefined) Object.assign(parameter, { description });
    }
  }
}

/** @throws {Error} if the path does not exist, since the description would be lost silently */
function at(root: unknown, path: readonly (string | number)[]): unknown {
  let node = root;
  for (const step of path) {
    node = isObject(node) ? node[step] : undefined;
    if (node === undefined) throw new Error(`the document has no ${path.join('.')}`);
  }
  return node;
}

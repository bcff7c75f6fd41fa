import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, afterEach } from 'vitest';
import { z } from 'zod';
import { HEADERS_OF_PROBLEMS } from '../../../src/contracts/openapi/operation.ts';
import { problemDetails, problemOf } from '../../../src/contracts/problem.ts';
import { openDocument, type Operation } from './document.ts';

/**
 * Compares every call that a test makes to a function with `fetch` with the OpenAPI document: path, method, status, media
 * type, headers, problem code and body of the answer; for accepted requests also query, headers and body. An undocumented
 * call fails its test.
 */
const origins = new Set<string>();
const faults: string[] = [];

/** From now on calls to this address are compared. */
export function holdToDocument(url: string): void {
  origins.add(new URL(url).origin);
}

/** What was found since the last time, each once. */
export function takeFaults(): string[] {
  return [...new Set(faults.splice(0))];
}

/** A test fails for what it saw, also where the code under test would have swallowed an error. */
function failForFaults(): void {
  const seen = takeFaults();
  if (seen.length > 0) throw new Error(`Not as public/openapi.json says:\n${seen.join('\n')}`);
}
afterEach(failForFaults);
afterAll(failForFaults);

const send = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const request = input instanceof Request ? input : undefined;
  const url = new URL(input instanceof Request ? input.url : input);
  if (!origins.has(url.origin)) return send(input, init);
  const body = await bytesOf(init?.body ?? (await request?.clone().arrayBuffer()));
  const response = await send(input, init);
  const exchange = {
    method: init?.method ?? request?.method ?? 'GET',
    url,
    headers: new Headers(init?.headers ?? request?.headers),
    body,
    response,
  };
  // An answer that is cut off is what some tests are about.
  const text = await response
    .clone()
    .text()
    .catch(() => undefined);
  if (text !== undefined) faults.push(...faultsOf({ ...exchange, text }));
  return response;
};

/** Undefined: a stream, which only its receiver may read. */
async function bytesOf(body: BodyInit | null | undefined): Promise<Uint8Array | undefined> {
  if (body === null || body === undefined) return new Uint8Array();
  if (body instanceof ReadableStream) return undefined;
  return new Uint8Array(await new Response(body).arrayBuffer());
}

interface Exchange {
  method: string;
  url: URL;
  headers: Headers;
  body: Uint8Array | undefined;
  response: Response;
  text: string;
}

/** The local host's own answers: the document is of the functions. */
const OF_THE_HOST = z.union([
  z.object({ code: z.literal('endpoint_not_found'), title: z.literal('No such endpoint') }),
  z.object({ code: z.enum(['function_failed', 'stopping']) }),
]);

export function faultsOf(exchange: Exchange): string[] {
  const { method, url, response, text } = exchange;
  const { status } = response;
  const json = jsonOf(text);
  if (OF_THE_HOST.safeParse(json).success) return [];
  const { paths } = openDocument();
  const named = (fault: string) => `${method} ${url.pathname} ${status}: ${fault}`;
  const item = paths[url.pathname];
  if (item === undefined) return [named('the path is not described')];
  const operation = item[method.toLowerCase()];
  if (operation === undefined) return refusedMethod(exchange, Object.keys(item)).map(named);
  const isForPages = 'options' in item;
  const pointer = ['paths', url.pathname, method.toLowerCase()];
  const answered = faultsOfAnswer(exchange, operation, pointer, json, isForPages);
  // Bad requests are sent on purpose; what was accepted must be described. A batch is accepted item by item.
  const isAccepted = response.ok && !/"status":[45]\d\d/.test(text.startsWith('{"results":') ? text : '');
  return [...answered, ...(isAccepted ? faultsOfRequest(exchange, operation, pointer) : [])].map(named);
}

function refusedMethod({ response, text }: Exchange, described: string[]): string[] {
  const code = problemDetails.safeParse(jsonOf(text)).data?.code;
  if (response.status === 503 && code === 'database_unavailable') return [];
  // HEAD has no body.
  if (response.status !== 405 || (text !== '' && code !== 'method_not_allowed'))
    return ['the method is not described'];
  const allowed = (response.headers.get('allow') ?? '').toLowerCase().split(', ').sort();
  const expected = described.filter((each) => each !== 'options').sort();
  return allowed.join() === expected.join()
    ? []
    : [`Allow names ${allowed.join()}, and the document ${expected.join()}`];
}

function faultsOfAnswer(
  { method, response, text }: Exchange,
  operation: Operation,
  pointer: string[],
  json: unknown,
  isForPages: boolean,
): string[] {
  const status = String(response.status);
  const answer = operation.responses[status];
  if (answer === undefined) {
    const code = problemDetails.safeParse(json).data?.code;
    return [`the status is not described${code === undefined ? '' : ` (${code})`}`];
  }
  const found = faultsOfHeaders(
    response,
    [...Object.keys(answer.headers), ...(isForPages ? OF_PAGES : [])],
    json,
  );
  const types = Object.keys(answer.content);
  if (types.length === 0) return text === '' ? found : [...found, 'a body is not described'];
  const type = mediaTypeOf(response.headers);
  if (!types.includes(type)) return [...found, `the media type ${type || '(none)'} is not described`];
  if (method === 'HEAD') return found;
  const schema = [...pointer, 'responses', status, 'content', type, 'schema'];
  const value = type.endsWith('json') ? json : text;
  return [...found, ...openDocument().faultsOf('sent by us', schema, value)];
}

/** Of HTTP and its hosts; Cache-Control is looked at below. */
const OF_EVERY_ANSWER = [
  'cache-control',
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
  'vary',
];
/** Of calls that answer OPTIONS, which is where the document describes them. */
const OF_PAGES = ['access-control-allow-origin', 'access-control-expose-headers'];

/** Every header must be described for the status, and those that belong to the problem code must be there. */
function faultsOfHeaders(response: Response, described: readonly string[], json: unknown): string[] {
  const known = new Set([...OF_EVERY_ANSWER, ...described.map((name) => name.toLowerCase())]);
  const unknown = [...response.headers.keys()]
    .filter((name) => !known.has(name))
    .map((name) => `the header ${name} is not described`);
  const { code = '' } = problemDetails.safeParse(json).data ?? {};
  const needed = new Map(Object.entries(HEADERS_OF_PROBLEMS)).get(code) ?? [];
  const missing = needed
    .filter((name) => !response.headers.has(name))
    .map((name) => `${code} has no header ${name}`);
  const isKept = response.status !== 204 && response.headers.get('cache-control') !== 'no-store';
  const ours =
    code === '' || problemOf(code)?.status === response.status ? [] : [`${code} is of another status`];
  return [...unknown, ...missing, ...ours, ...(isKept ? ['Cache-Control is not no-store'] : [])];
}

function faultsOfRequest(
  { url, headers, body }: Exchange,
  operation: Operation,
  pointer: string[],
): string[] {
  const { faultsOf: check } = openDocument();
  const { parameters, requestBody } = operation;
  const isDescribed = (name: string) =>
    parameters.some((parameter) => parameter.in === 'query' && parameter.name === name);
  const found = [...url.searchParams.keys()]
    .filter((name) => !isDescribed(name))
    .map((name) => `the query member ${name} is not described`);
  for (const [index, { in: place, name, required }] of parameters.entries()) {
    // Codings are the same in capitals (RFC 9110, section 8.4.1).
    const header = name === 'content-encoding' ? headers.get(name)?.toLowerCase() : headers.get(name);
    const value = (place === 'query' ? url.searchParams.get(name) : header) ?? null;
    if (value === null) {
      if (required) found.push(`accepted without the ${place} member ${name}`);
      continue;
    }
    const wrong = check('text', [...pointer, 'parameters', index, 'schema'], value);
    found.push(...wrong.map((fault) => `accepted with the ${place} member ${name}: ${fault}`));
  }
  if (body === undefined) return found;
  if (requestBody === undefined) return found;
  if (body.byteLength === 0) return requestBody.required ? [...found, 'accepted without a body'] : found;
  const schema = [...pointer, 'requestBody', 'content', 'application/json', 'schema'];
  const value = jsonOf(decoded(body, headers.get('content-encoding')));
  return [...found, ...check('sent to us', schema, value).map((fault) => `accepted the body: ${fault}`)];
}

/** What is wrong with an event or a ping that a subscriber got, by its headers and its decompressed body. */
export function holdSent(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: string,
): void {
  const { webhooks, faultsOf: check } = openDocument();
  const json = jsonOf(body);
  const { type } = z.object({ type: z.string().optional() }).parse(json);
  // The flat form has no type; all events of reports have the same forms.
  const name = type ?? 'report.final.completed';
  const operation = webhooks[name]?.['post'];
  const named = (fault: string) => `sent ${name}: ${fault}`;
  if (operation === undefined) {
    faults.push(named('the type is not described'));
    return;
  }
  if (headers['webhook-signature'] === undefined) faults.push(named('the signature is missing'));
  const pointer = ['webhooks', name, 'post'];
  const described = new Set(operation.parameters.map((parameter) => parameter.name));
  for (const header of Object.keys(headers)) {
    if (!described.has(header) && !OF_EVERY_REQUEST.has(header))
      faults.push(named(`the header ${header} is not described`));
  }
  for (const [index, { name: header, required }] of operation.parameters.entries()) {
    const value = headers[header];
    if (value === undefined) {
      if (required) faults.push(named(`the header ${header} is missing`));
    } else {
      faults.push(...check('text', [...pointer, 'parameters', index, 'schema'], value).map(named));
    }
  }
  const schema = [...pointer, 'requestBody', 'content', 'application/json', 'schema'];
  faults.push(...check('sent by us', schema, json).map(named));
}

/** Of HTTP, and what Node's fetch adds of its own; the signature is a credential in the document. */
const OF_EVERY_REQUEST = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'connection',
  'content-length',
  'content-type',
  'host',
  'sec-fetch-mode',
  'transfer-encoding',
  'user-agent',
  'webhook-signature',
]);

function decoded(body: Uint8Array, coding: string | null): string {
  const name = coding?.trim().toLowerCase();
  if (name === 'gzip') return gunzipSync(body).toString();
  return (name === 'zstd' ? zstdDecompressSync(body) : Buffer.from(body)).toString();
}

function mediaTypeOf(headers: Headers): string {
  return headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Undefined: no JSON. */
function jsonOf(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    return undefined;
  }
}

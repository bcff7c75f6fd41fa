import { z } from 'zod';

interface Schema {
  $ref?: string | undefined;
  type?: string | string[] | undefined;
  format?: string | undefined;
  description?: string | undefined;
  enum?: unknown[] | undefined;
  const?: unknown;
  default?: unknown;
  properties?: Record<string, Schema> | undefined;
  required?: string[] | undefined;
  items?: Schema | undefined;
  additionalProperties?: boolean | Schema | undefined;
  anyOf?: Schema[] | undefined;
  oneOf?: Schema[] | undefined;
  allOf?: Schema[] | undefined;
  minLength?: number | undefined;
  maxLength?: number | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  minItems?: number | undefined;
  maxItems?: number | undefined;
}

const schema: z.ZodType<Schema> = z.lazy(() =>
  z.object({
    $ref: z.string().optional(),
    type: z.union([z.string(), z.array(z.string())]).optional(),
    format: z.string().optional(),
    description: z.string().optional(),
    enum: z.array(z.unknown()).optional(),
    const: z.unknown().optional(),
    default: z.unknown().optional(),
    properties: z.record(z.string(), schema).optional(),
    required: z.array(z.string()).optional(),
    items: schema.optional(),
    additionalProperties: z.union([z.boolean(), schema]).optional(),
    anyOf: z.array(schema).optional(),
    oneOf: z.array(schema).optional(),
    allOf: z.array(schema).optional(),
    minLength: z.number().optional(),
    maxLength: z.number().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    minItems: z.number().optional(),
    maxItems: z.number().optional(),
  }),
);

const content = z.record(z.string(), z.object({ schema })).default({});
const operation = z.object({
  operationId: z.string(),
  tags: z.array(z.string()),
  summary: z.string(),
  description: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z
    .array(
      z.object({
        in: z.string(),
        name: z.string(),
        required: z.boolean().default(false),
        description: z.string().optional(),
        schema,
      }),
    )
    .default([]),
  requestBody: z.object({ required: z.boolean().default(false), content }).optional(),
  responses: z.record(
    z.string(),
    z.object({ description: z.string(), headers: z.record(z.string(), z.unknown()).default({}), content }),
  ),
});
type Operation = z.infer<typeof operation>;
const items = z.record(z.string(), z.record(z.string(), operation));
const openapi = z.object({
  info: z.object({ title: z.string(), version: z.string(), description: z.string() }),
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  paths: items,
  webhooks: items,
  components: z.object({
    schemas: z.record(z.string(), schema),
    securitySchemes: z.record(z.string(), z.object({ description: z.string() })),
  }),
});

interface Entry {
  method: string;
  path: string;
  operation: Operation;
}

/** The document as a static HTML page without scripts. Readable without signing in. */
export function printPage(document: unknown): string {
  const { info, tags, paths, webhooks, components } = openapi.parse(document);
  const entries = [...entriesOf(paths), ...entriesOf(webhooks)];
  const rooms = tags.map(({ name, description }) => ({
    name,
    description,
    entries: entries.filter(({ operation: { tags: own } }) => own.includes(name)),
  }));
  // Problem details all have the same form; each answer lists its codes.
  const schemas = Object.entries(components.schemas).filter(([name]) => !name.startsWith('Problem.'));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(info.title)}: reference</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/reference.css">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<h1>${escape(info.title)}</h1>
<p>Version ${escape(info.version)}. The same as <a href="/api/openapi.json">OpenAPI 3.1</a>. Generated from the schemas that the functions parse with.</p>
</header>
<nav aria-label="Contents">
${rooms.map((room) => `<p><a href="#${anchor(room.name)}">${escape(room.name)}</a></p>\n<ul>\n${room.entries.map(linkTo).join('\n')}\n</ul>`).join('\n')}
<p><a href="#callers">Callers</a></p>
<p><a href="#schemas">Schemas</a></p>
</nav>
<main id="content">
${prose(info.description)}
${rooms.map((room) => `<section>\n<h2 id="${anchor(room.name)}">${escape(room.name)}</h2>\n${prose(room.description)}\n${room.entries.map(describe).join('\n')}\n</section>`).join('\n')}
<section>
<h2 id="callers">Callers</h2>
<dl>
${Object.entries(components.securitySchemes)
  .map(
    ([name, { description }]) =>
      `<dt id="caller-${anchor(name)}">${escape(name)}</dt>\n<dd>${prose(description)}</dd>`,
  )
  .join('\n')}
</dl>
</section>
<section>
<h2 id="schemas">Schemas</h2>
${schemas.map(([name, each]) => `<article>\n<h3 id="schema-${anchor(name)}"><code>${escape(name)}</code></h3>\n${text(each.description)}${shape(each)}\n</article>`).join('\n')}
</section>
</main>
</body>
</html>
`;
}

function entriesOf(paths: z.infer<typeof items>): Entry[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      // The introduction explains OPTIONS.
      .filter(([method]) => method !== 'options')
      .map(([method, each]) => ({ method: method.toUpperCase(), path, operation: each })),
  );
}

function linkTo({ method, path, operation: { operationId } }: Entry): string {
  return `<li><a href="#${anchor(operationId)}"><code>${method} ${escape(path)}</code></a></li>`;
}

function describe({ method, path, operation: each }: Entry): string {
  const { operationId, summary, description, security, parameters, requestBody, responses } = each;
  const body = requestBody?.content['application/json']?.schema;
  const callers = security.map((one) => Object.keys(one)[0] ?? 'nobody');
  return `<article>
<h3 id="${anchor(operationId)}"><code><b>${method}</b> ${escape(path)}</code></h3>
<p class="summary">${escape(summary)}</p>
${prose(description)}
<p>Callers: ${callers.map((name) => (name === 'nobody' ? 'anybody' : `<a href="#caller-${anchor(name)}">${escape(name)}</a>`)).join(', ')}</p>
${
  parameters.length === 0
    ? ''
    : `<h4>Query and headers</h4>\n<ul class="members">\n${parameters.map((one) => member(one.name, { ...one.schema, description: one.description ?? one.schema.description }, one.required, one.in)).join('\n')}\n</ul>`
}
${body === undefined ? '' : `<h4>Body${requestBody?.required === true ? '' : ' (may be absent)'}</h4>\n${typeLine(body)}`}
<h4>Answers</h4>
<dl>
${Object.entries(responses).map(answer).join('\n')}
</dl>
</article>`;
}

function answer([status, { description, headers, content: types }]: [
  string,
  Operation['responses'][string],
]): string {
  const names = Object.keys(headers);
  const media = Object.keys(types);
  const first = media[0] === undefined ? undefined : types[media[0]];
  const isProblem = media.includes('application/problem+json');
  return `<dt><code>${status}</code></dt>
<dd>${prose(description)}${first === undefined || isProblem ? '' : typeLine(first.schema)}${
    names.length === 0
      ? ''
      : `<p class="note">Headers: ${names.map((name) => `<code>${escape(name)}</code>`).join(', ')}</p>`
  }</dd>`;
}

function typeLine(each: Schema): string {
  return each.properties === undefined ? `<p>${typeOf(each)}</p>` : shape(each);
}

/** The members of an object, the alternatives, or the type. */
function shape(each: Schema): string {
  if (each.properties !== undefined) {
    const required = new Set(each.required);
    const members = Object.entries(each.properties).map(([name, one]) =>
      member(name, one, required.has(name)),
    );
    return members.length === 0 ? '<p>An object.</p>' : `<ul class="members">\n${members.join('\n')}\n</ul>`;
  }
  const options = each.anyOf ?? each.oneOf;
  if (options?.some(({ properties }) => properties !== undefined) === true) {
    return `<p>One of these:</p>\n<ol>\n${options.map((one) => `<li>${one.properties === undefined ? typeOf(one) : shape(one)}</li>`).join('\n')}\n</ol>`;
  }
  return `<p>${typeOf(each)}</p>`;
}

function member(name: string, each: Schema, isRequired: boolean, place?: string): string {
  const inner = innerOf(each);
  return `<li><code class="name">${escape(name)}</code> <span class="type">${place === undefined ? '' : `${place}, `}${typeOf(each)}</span>${
    isRequired ? ' <span class="required">required</span>' : ''
  }${text(each.description)}${inner === undefined ? '' : shape(inner)}</li>`;
}

/** The nested object that has no schema name of its own. */
function innerOf(each: Schema): Schema | undefined {
  if (each.properties !== undefined) return each;
  if (each.items !== undefined) return innerOf(each.items);
  return (each.anyOf ?? each.oneOf ?? []).map(innerOf).find((found) => found !== undefined);
}

function typeOf(each: Schema): string {
  if (each.$ref !== undefined) {
    const name = each.$ref.replace('#/components/schemas/', '');
    return `<a href="#schema-${anchor(name)}">${escape(name)}</a>`;
  }
  const options = each.anyOf ?? each.oneOf;
  if (options !== undefined) return [...new Set(options.map(typeOf))].join(' or ');
  if (each.const !== undefined) return value(each.const);
  if (each.enum !== undefined) return each.enum.map(value).join(', ');
  if (each.items !== undefined)
    return `list of ${typeOf(each.items)}${bounds(each.minItems, each.maxItems, 'items')}`;
  const types = [each.type ?? 'any value'].flat();
  const named = types
    .map((one) => (one === 'string' && each.format !== undefined ? each.format : one))
    .join(' or ');
  return `${escape(named)}${bounds(each.minLength, each.maxLength, 'characters')}${bounds(each.minimum, each.maximum, '')}${
    each.default === undefined ? '' : `, ${value(each.default)} if left out`
  }`;
}

function bounds(least: number | undefined, most: number | undefined, unit: string): string {
  const of = unit === '' ? '' : ` ${unit}`;
  const number = (one: number) => one.toLocaleString('en-US');
  if (least !== undefined && most !== undefined) return `, ${number(least)} to ${number(most)}${of}`;
  if (most !== undefined) return `, at most ${number(most)}${of}`;
  return least === undefined ? '' : `, at least ${number(least)}${of}`;
}

function value(of: unknown): string {
  return `<code>${escape(typeof of === 'string' && of !== '' ? of : JSON.stringify(of))}</code>`;
}

function text(description: string | undefined): string {
  return description === undefined ? '' : prose(description);
}

/** Converts the Markdown that our descriptions use: paragraphs, lists and code. */
function prose(markdown: string): string {
  return markdown
    .split('\n\n')
    .map((block) => {
      const inline = (one: string) => escape(one).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
      if (!block.startsWith('- ')) return `<p>${inline(block)}</p>`;
      const points = block.split('\n').map((line) => `<li>${inline(line.replace(/^- /, ''))}</li>`);
      return `<ul>\n${points.join('\n')}\n</ul>`;
    })
    .join('\n');
}

function anchor(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9.-]+/g, '-');
}

function escape(raw: string): string {
  return raw
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

type Node = Record<string, unknown>;

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const ONE = ['items', 'additionalProperties', 'not'];
const LISTS = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];

/**
 * A copy of a schema that rejects unnamed members. The published document is open, so that answers may get new members; tests
 * must fail on such a member, or the document would become outdated.
 */
export function closed(schema: unknown): unknown {
  return close(schema, false);
}

/** @param isPart of an `allOf`, whose parts each name only some of the members */
function close(schema: unknown, isPart: boolean): unknown {
  if (!isNode(schema)) return schema;
  const copy: Node = { ...schema };
  for (const keyword of ONE) if (isNode(copy[keyword])) copy[keyword] = close(copy[keyword], false);
  for (const keyword of LISTS) {
    const list = copy[keyword];
    if (Array.isArray(list)) copy[keyword] = list.map((item) => close(item, keyword === 'allOf'));
  }
  const { properties } = copy;
  if (isNode(properties)) {
    copy['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, member]) => [name, close(member, false)]),
    );
    if (!isPart) copy['additionalProperties'] = false;
  }
  return copy;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

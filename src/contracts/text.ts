import { z } from 'zod';

// PostgreSQL's text and jsonb cannot hold U+0000, and UTF-8 cannot hold half a surrogate pair.
const NUL = String.fromCharCode(0);

export function isStorable(text: string): boolean {
  return !text.includes(NUL) && text.isWellFormed();
}

/** Removes U+0000 and lone surrogates. Only for generated text: a caller's text is rejected instead. */
export function toStorable(text: string): string {
  const withoutNul = text.replaceAll(NUL, '');
  // The u flag makes a well-formed pair one code point, so that the range matches only halves.
  return withoutNul.isWellFormed() ? withoutNul : withoutNul.replace(/[\uD800-\uDFFF]/gu, '');
}

const UNSTORABLE = 'must not contain U+0000 or unpaired surrogates';

export const storableText = z.string().refine(isStorable, { error: UNSTORABLE });

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
/** A value that will be sent as JSON, where undefined members are omitted. */
export type Sendable = Json | Sendable[] | { [key: string]: Sendable | undefined };

/** A value from a JSON parser. Not validated: a JSON schema would try each kind at each node and collect every fault. */
export const json = z.custom<Json>((value) => value !== undefined, { error: 'must be JSON' });

interface Fault {
  path: PropertyKey[];
  message: string;
}

/** A node of the walk, and its place in its parent. */
interface Node {
  value: unknown;
  key: PropertyKey;
  parent: Node | null;
}

/** The first fault of a value that is to be sent as JSON and stored. One pass without recursion, for any shape. */
function faultOf(root: unknown): Fault | undefined {
  const left: Node[] = [{ value: root, key: '', parent: null }];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    const message = faultOfNode(node);
    if (message !== undefined) return { path: pathOf(node), message };
    const { value } = node;
    if (typeof value !== 'object' || value === null) continue;
    const parent = node;
    // Pushed in reverse, so that the first member is walked first.
    const entries: [PropertyKey, unknown][] = Array.isArray(value)
      ? value.map((item, index) => [index, item])
      : Object.entries(value);
    for (const [key, item] of entries.reverse()) left.push({ value: item, key, parent });
  }
  return undefined;
}

function faultOfNode({ value, key }: Node): string | undefined {
  if (typeof key === 'string' && !isStorable(key)) return `its name ${UNSTORABLE}`;
  if (typeof value === 'string') return isStorable(value) ? undefined : UNSTORABLE;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'must be a finite number';
  if (typeof value === 'boolean') return undefined;
  return typeof value === 'object' && isPlain(value) ? undefined : 'must be JSON';
}

function isPlain(value: object | null): boolean {
  if (value === null || Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function pathOf(node: Node): PropertyKey[] {
  const path: PropertyKey[] = [];
  for (let at = node; at.parent !== null; at = at.parent) path.push(at.key);
  return path.reverse();
}

/** A JSON object that the database can store completely. Reports the first fault with its path. */
export const storableObject = z
  .custom<Record<string, Json>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    { error: 'must be an object' },
  )
  .superRefine((value, context) => {
    const fault = faultOf(value);
    if (fault !== undefined) context.addIssue({ code: 'custom', ...fault });
  });

import type { Json } from '../../contracts/text.ts';

/**
 * A stored value as JSON that is at most `maxDepth` objects and arrays deep; what lies deeper becomes `…`.
 * PostgreSQL stores JSON so deep that a recursion over it, `JSON.stringify` too, ends in a stack overflow.
 */
export function boundedJson(value: unknown, maxDepth: number): Json {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object') return null;
  if (maxDepth === 0) return '…';
  if (Array.isArray(value)) return value.map((item) => boundedJson(item, maxDepth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, boundedJson(item, maxDepth - 1)]),
  );
}

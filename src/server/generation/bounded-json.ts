import type { Json } from '../../contracts/text.ts';

/**
 * Prints a stored value as JSON with at most `maxDepth` levels; deeper values become `…`. PostgreSQL stores JSON of a depth
 * at which a recursion, such as `JSON.stringify`, ends in a stack overflow.
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

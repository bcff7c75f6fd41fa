import type { Json } from '../../../contracts/text.ts';
import { inline } from './markdown.ts';
import { labelOf, type JsonObject } from './material.ts';

// Together with the other sections, a brief must stay below MAX_RESULT_BYTES.
const MAX_BYTES = 400_000;
const MAX_TEXT_CHARACTERS = 100_000;
const INDENT = '  ';

/** The whole intake as a nested list, so that the brief omits nothing. Too long a list is cut at its end. */
export function appendix(data: JsonObject): string {
  const lines: string[] = [];
  let bytes = 0;
  for (const line of fieldLines(data, 0)) {
    bytes += Buffer.byteLength(line) + 1;
    if (bytes > MAX_BYTES) {
      lines.push('- The rest is left out: the intake is too long for this brief.');
      break;
    }
    lines.push(line);
  }
  return lines.join('\n');
}

function* fieldLines(fields: JsonObject, depth: number): Generator<string> {
  for (const [key, value] of Object.entries(fields)) {
    yield* labelledLines(inline(labelOf(key)) || '…', value, depth);
  }
}

function* labelledLines(label: string, value: Json, depth: number): Generator<string> {
  const nested = typeof value === 'string' ? paragraphsOf(value) : value;
  const bullet = `${INDENT.repeat(depth)}- **${label}:**`;
  if (typeof nested !== 'object' || nested === null) {
    yield `${bullet} ${plain(nested) || 'no answer'}`;
    return;
  }
  yield bullet;
  if (Array.isArray(nested)) yield* itemLines(nested, depth + 1);
  else yield* fieldLines(nested, depth + 1);
}

function* itemLines(items: readonly Json[], depth: number): Generator<string> {
  for (const [index, item] of items.entries()) {
    if (typeof item === 'object' && item !== null) yield* labelledLines(`${index + 1}`, item, depth);
    else yield `${INDENT.repeat(depth)}- ${plain(item) || 'no answer'}`;
  }
}

function plain(value: string | number | boolean | null): string {
  return value === null ? '' : inline(String(value), MAX_TEXT_CHARACTERS);
}

/** A text of several paragraphs as a list of them. */
function paragraphsOf(text: string): Json {
  const parts = text.split(/\n\s*\n/).filter((part) => part.trim() !== '');
  return parts.length > 1 ? parts : text;
}

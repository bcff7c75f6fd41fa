import type { Json } from '../../../contracts/text.ts';

export type JsonObject = Record<string, Json>;

// Intakes come from many forms. These readers accept any JSON and never throw.

/** The value if it is an object; any other value, unless empty, becomes the member `notes`. */
export function objectOf(value: Json | undefined): JsonObject {
  if (value === undefined || value === null) return {};
  return typeof value === 'object' && !Array.isArray(value) ? value : { notes: value };
}

/** The value as one text; `''` if there is none. */
export function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value.trim();
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map(textOf).filter(Boolean).join(', ');
  return Object.entries(value)
    .map(([key, item]) => [labelOf(key), textOf(item)] as const)
    .filter(([, text]) => text !== '')
    .map(([label, text]) => `${label}: ${text}`)
    .join('; ');
}

/** The value as a list of texts: one per item of an array or member of an object; empty if there is nothing. */
export function listOf(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.map(textOf).filter(Boolean);
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([key, item]) => textOf({ [key]: item }))
      .filter(Boolean);
  }
  const text = textOf(value);
  return text === '' ? [] : [text];
}

/** The value as table rows. A value that is not an object becomes a row with that value in column `key`. */
export function rowsOf(value: Json | undefined, key: string): JsonObject[] {
  const items = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return items
    .filter((item) => textOf(item) !== '')
    .map((item) => {
      const isObject = typeof item === 'object' && item !== null && !Array.isArray(item);
      return isObject ? item : { [key]: item };
    });
}

/** A number, or one written as text; `null` for anything else. */
export function numberOf(value: Json | undefined): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** `years_in_role` and `yearsInRole` become `Years in role`. */
export function labelOf(key: string): string {
  const words = key
    .replace(/([a-z])([A-Z])/g, (_, end: string, start: string) => `${end} ${start.toLowerCase()}`)
    .replace(/[_\s]+/g, ' ')
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

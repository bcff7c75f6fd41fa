import { z } from 'zod';

/**
 * A JSON object or array exactly as its sender wrote it. Passed on as text: parsing and printing would round its numbers, and
 * Node's `JSON.parse` misreads escaped member names (nodejs/node#63785).
 */
export class JsonText {
  readonly kind: 'object' | 'array';
  readonly text: string;

  constructor(kind: 'object' | 'array', text: string) {
    this.kind = kind;
    this.text = text;
  }
}

/**
 * A member that must be an object, left unparsed by the server's reader of bodies. The reader has already rejected what
 * cannot be stored, so the schema does not walk the object. Clients, which build plain objects, use `storableObject`.
 */
export const jsonObjectText = z
  .custom<JsonText>((value) => value instanceof JsonText && value.kind === 'object', {
    error: 'must be an object',
  })
  .meta({ type: 'object' });

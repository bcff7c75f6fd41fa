import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Sql } from 'postgres';
import { Webhook } from 'standardwebhooks';
import { member } from './event.ts';
import { handleEvent } from './handle-event.ts';

export interface Receiver {
  sql: Sql;
  /** The endpoint's secrets, `whsec_…`: two while one is replaced by another. */
  secrets: readonly string[];
}

/** A result has at most 900 KB, and its envelope a little. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** The endpoint: verifies, handles the event, and answers 200 only when it is committed. */
export function createReceiver(receiver: Receiver): RequestListener {
  return (request, response) => {
    receive(receiver, request, response).catch((error: unknown) => {
      // Polaris sends the event again.
      console.error(error);
      answer(response, 500);
    });
  };
}

async function receive(
  receiver: Receiver,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') {
    answer(response, 405);
    return;
  }
  const bytes = await readBody(request);
  if (bytes === null) {
    answer(response, 413);
    return;
  }
  const body = decompress(bytes, request.headers['content-encoding']);
  if (body === null) {
    // Polaris sends the event again at once, uncompressed.
    answer(response, 415);
    return;
  }
  const id = request.headers['webhook-id'];
  if (typeof id !== 'string' || !isVerified(receiver.secrets, request, body)) {
    answer(response, 401);
    return;
  }
  const json: unknown = JSON.parse(body);
  if (member(json, 'type') === 'polaris.ping') {
    // Proves to Polaris that this endpoint wants its events.
    answer(response, 200, { nonce: member(member(json, 'data'), 'nonce') });
    return;
  }
  const isNew = await receiver.sql.begin((sql) => handleEvent(sql, id, body));
  answer(response, 200, { outcome: isNew ? 'handled' : 'duplicate' });
}

/** Verifies the signature over the decompressed body, and that it was made within the last five minutes. */
function isVerified(secrets: readonly string[], { headers }: IncomingMessage, body: string): boolean {
  const signed = Object.fromEntries(
    ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, String(headers[name])]),
  );
  return secrets.some((secret) => {
    try {
      new Webhook(secret).verify(body, signed);
      return true;
    } catch {
      return false;
    }
  });
}

/** Null: it is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The text of a body, in the coding that the endpoint asks for. Null: it cannot be read, or it is too large. */
function decompress(bytes: Buffer, coding: string | undefined): string | null {
  // A bomb is not decompressed any further.
  const limit = { maxOutputLength: MAX_BODY_BYTES };
  try {
    switch (coding) {
      case undefined:
        return bytes.toString('utf8');
      case 'gzip':
        return gunzipSync(bytes, limit).toString('utf8');
      case 'zstd':
        return zstdDecompressSync(bytes, limit).toString('utf8');
      default:
        return null;
    }
  } catch {
    return null;
  }
}

function answer(response: ServerResponse, status: number, json?: object): void {
  if (json === undefined) response.writeHead(status).end();
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
}

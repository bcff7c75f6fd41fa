import { request, type Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { PROBLEMS } from '../../src/contracts/problem.ts';
import { sendProblem } from './problem.ts';

/** Vercel refuses larger bodies before a function sees them. */
const MAX_PLATFORM_BODY_BYTES = 4.5 * 1024 * 1024;

/** Headers of one connection, not of the message (RFC 9110, 7.6.1), and `expect`, which is answered here. */
const HOP_HEADERS = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

interface Target {
  port: number;
  agent: Agent;
}

/**
 * Passes a request on, its bytes unchanged. Settles when the answer is out, or can no longer be. Never throws: a client may
 * leave at any moment, also before this is called, and then nobody waits for an answer.
 */
export async function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  target: Target,
): Promise<void> {
  try {
    await pass(incoming, response, target);
  } catch {
    if (isGone(response)) return;
    sendProblem(response, { ...CANNOT_BE_PASSED_ON, code: 'bad_request' }, { connection: 'close' });
  }
}

const CANNOT_BE_PASSED_ON = { status: 400, title: 'The request cannot be passed on' };

/** `close` has been told already, so that nobody may wait for it any more. */
function isGone(response: ServerResponse): boolean {
  return response.destroyed || response.closed || response.socket === null || response.socket.destroyed;
}

async function pass(incoming: IncomingMessage, response: ServerResponse, target: Target): Promise<void> {
  const tooLarge = () => {
    sendProblem(response, { ...PROBLEMS.body_too_large, code: 'body_too_large' }, { connection: 'close' });
  };
  const headers = endToEnd(incoming.headers);
  headers['x-forwarded-for'] = incoming.socket.remoteAddress ?? '';
  headers['x-forwarded-host'] = incoming.headers.host ?? '';
  headers['x-forwarded-proto'] = 'http';

  let body: Buffer | undefined;
  if (incoming.headers['transfer-encoding'] !== undefined) {
    // The adapter fails on a body whose length it is not told.
    body = await readAll(incoming);
    if (body === undefined) {
      tooLarge();
      return;
    }
    headers['content-length'] = String(body.length);
  } else if (Number(incoming.headers['content-length'] ?? 0) > MAX_PLATFORM_BODY_BYTES) {
    tooLarge();
    return;
  }
  if (!isGone(response)) await exchange(incoming, response, { target, headers, body });
}

function exchange(
  incoming: IncomingMessage,
  response: ServerResponse,
  {
    target,
    headers,
    body,
  }: { target: Target; headers: Record<string, string | string[]>; body: Buffer | undefined },
): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: target.port,
      agent: target.agent,
      method: incoming.method,
      path: incoming.url,
      headers,
    });
    response.once('close', () => {
      // Either all is out, or the client is gone and nobody waits for the answer.
      outgoing.destroy();
      resolve();
    });
    outgoing.once('response', (answer) => {
      if (isGone(response)) {
        outgoing.destroy();
        return;
      }
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
      // A failure half-way destroys the response: the client sees a broken answer, never a short one.
      pipeline(answer, response, () => {
        resolve();
      });
    });
    // Also more than once: whatever fails of it must not end this process.
    outgoing.on('error', () => {
      if (isGone(response)) return;
      sendProblem(response, {
        status: 502,
        code: 'function_failed',
        title: 'The function ended without an answer',
      });
    });
    if (body === undefined) incoming.pipe(outgoing);
    else outgoing.end(body);
  });
}

/** A message's own headers, without those of the connection that it came by. */
export function endToEnd(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_HEADERS.has(name)) kept[name] = value;
  }
  return kept;
}

/** The whole body, or undefined when there is more of it than the platform takes. */
async function readAll(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_PLATFORM_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

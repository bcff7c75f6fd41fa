import { request, type Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { PROBLEMS } from '../../src/contracts/problem.ts';
import { sendProblem } from './problem.ts';

/** Vercel refuses larger bodies before a function sees them. */
const MAX_PLATFORM_BODY_BYTES = 4.5 * 1024 * 1024;

/** Headers of a single connection (RFC 9110, 7.6.1), and `expect`, which this proxy answers itself. */
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
 * Forwards a request with its bytes unchanged. Settles when the answer is sent or can no longer be sent. Never throws: a
 * client may disconnect at any moment, even before this call.
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

/** Whether the client has disconnected. `close` may have been emitted before, so waiting for it could last for ever. */
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
    // The adapter fails on bodies without a content-length.
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
      // Either the answer is complete, or the client has disconnected.
      outgoing.destroy();
      resolve();
    });
    outgoing.once('response', (answer) => {
      if (isGone(response)) {
        outgoing.destroy();
        return;
      }
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
      // A failure halfway destroys the response, so the client sees a broken answer and not a shortened one.
      pipeline(answer, response, () => {
        resolve();
      });
    });
    // May be emitted more than once. Without a listener, an error would end this process.
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

/** The end-to-end headers of a message, without those of its connection. */
export function endToEnd(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_HEADERS.has(name)) kept[name] = value;
  }
  return kept;
}

/** The whole body, or undefined if it exceeds the platform's limit. */
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

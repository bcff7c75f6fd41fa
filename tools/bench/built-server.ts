/**
 * Serves one built function with a minimal Node server: `FILE`. It is compiled first, so that no TypeScript is loaded into
 * the measured process. Sends the port to its parent and, on request, `heapUsed` after a garbage collection.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

type Handle = (request: Request) => Promise<Response>;

// Safe: a function exports a handler for each method, and nothing else.
const handlers = (await import(pathToFileURL(process.argv[2] ?? '').href)) as Record<string, Handle>;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers } = request;
  const handle = handlers[method];
  if (handle === undefined) throw new Error(`no handler of ${method}`);
  const body = await buffer(request);
  const given = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const answered = await handle(
    new Request(`http://127.0.0.1${url}`, {
      method,
      headers: given,
      ...(body.length > 0 && { body: new Uint8Array(body) }),
    }),
  );
  response.writeHead(answered.status, Object.fromEntries(answered.headers));
  response.end(Buffer.from(await answered.arrayBuffer()));
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});
process.on('message', () => {
  // Twice: the first collection can leave garbage that the second one frees.
  globalThis.gc?.();
  globalThis.gc?.();
  process.send?.({ heapBytes: process.memoryUsage().heapUsed });
});
process.once('disconnect', () => process.exit());

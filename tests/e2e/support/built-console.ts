import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { Agent, createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build } from 'vite';
import type { DevFile } from '../../../src/contracts/dev.ts';
import { projectRoot } from '../../../tools/local/paths.ts';
import { freePort } from '../../../tools/local/ports.ts';
import { forward } from '../../../tools/local/proxy.ts';
import { securityHeaders } from '../../../tools/local/security-headers.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * The console as it is deployed: built, and served under exactly the headers and the rewrite of vercel.json. So that the
 * policy needs no exception for the local Supabase, that is behind the same origin here.
 */
export async function startBuiltConsole(dev: DevFile): Promise<AsyncDisposable & { url: string }> {
  await using stack = new AsyncDisposableStack();
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const folder = await mkdtemp(join(tmpdir(), 'polaris-console-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  await build({
    root: projectRoot,
    configFile: join(projectRoot, 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: folder, emptyOutDir: true },
    define: {
      'import.meta.env.VITE_SUPABASE_URL': JSON.stringify(url),
      'import.meta.env.VITE_SUPABASE_PUBLISHABLE_KEY': JSON.stringify(dev.publishableKey),
      'import.meta.env.VITE_SUPABASE_REALTIME': JSON.stringify('off'),
    },
  });

  const headers = await securityHeaders();
  const agent = new Agent();
  const portOf = (address: string) => Number(new URL(address).port);
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const { pathname } = new URL(request.url ?? '/', url);
    const target = /^\/(rest|auth)\//.test(pathname)
      ? portOf(dev.supabaseUrl)
      : pathname.startsWith('/api/') && portOf(dev.url);
    if (target !== false) {
      forward(request, response, { port: target, agent }).catch(() => response.destroy());
      return;
    }
    void (async () => {
      const asked = join(folder, pathname);
      const isFile = await stat(asked).then(
        (found) => found.isFile(),
        () => false,
      );
      const path = isFile ? asked : join(folder, 'index.html');
      response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
      createReadStream(path).pipe(response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  stack.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const started = stack.move();
  return { url, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

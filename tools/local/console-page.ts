import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { DevFile } from '../../src/contracts/dev.ts';
import { consolePolicy } from '../build/console-policy.ts';
import type { StartPage } from './front.ts';
import { projectRoot } from './paths.ts';
import { securityHeaders, withSources } from './security-headers.ts';

/**
 * The console under Vite with hot reload, and with the deployed headers. The policy also allows what Vite needs: a nonce for
 * the script and styles that it inserts, and its WebSocket.
 */
export function consolePage(
  dev: Pick<DevFile, 'supabaseUrl' | 'publishableKey'>,
  directory: string,
): StartPage {
  return async (server, port) => {
    // Loaded only when needed: it is slow to load.
    const { createServer } = await import('vite');
    const nonce = randomBytes(16).toString('base64');
    // Replaces the meta element of the build, whose policy does not allow Vite's additions.
    const policy = `${consolePolicy(dev.supabaseUrl)}; frame-ancestors 'none'`;
    const headers = withSources(
      { ...(await securityHeaders()), 'Content-Security-Policy': policy },
      {
        'script-src': [`'nonce-${nonce}'`],
        'style-src': [`'nonce-${nonce}'`],
        'connect-src': [`ws://localhost:${port}`],
      },
    );
    const vite = await createServer({
      root: projectRoot,
      configFile: join(projectRoot, 'vite.config.ts'),
      // Two systems on one machine must not share a cache.
      cacheDir: join(directory, 'vite'),
      clearScreen: false,
      logLevel: 'warn',
      html: { cspNonce: nonce },
      server: { middlewareMode: true, hmr: { server } },
      define: {
        'import.meta.env.VITE_SUPABASE_URL': JSON.stringify(dev.supabaseUrl),
        'import.meta.env.VITE_SUPABASE_PUBLISHABLE_KEY': JSON.stringify(dev.publishableKey),
        // The local API has no Realtime; a project given by SUPABASE_URL may have it.
        'import.meta.env.VITE_SUPABASE_REALTIME': JSON.stringify(process.env['SUPABASE_URL'] ? 'on' : 'off'),
      },
    });
    return {
      serve(request, response) {
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        vite.middlewares(request, response, () => {
          response.writeHead(404).end('Not found');
        });
      },
      stop: () => vite.close(),
    };
  };
}

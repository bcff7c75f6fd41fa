import { forBrowsers } from '../../src/server/http/browsers.ts';
import { log } from '../../src/server/observe/log.ts';
import { watched } from '../../src/server/http/watched.ts';
import { services, watchFunction } from '../../src/server/services.ts';
import { asOperator } from '../../src/server/http/operator-guard.ts';
import { retryAll, retryOne } from '../../src/server/deliver/retry-endpoint.ts';

// Exports all methods, so that refused requests are audited too.
const handle = watched(
  forBrowsers(
    (request) =>
      asOperator(services(), 'retry', request, {
        GET: () => retryAll(services()),
        POST: () => retryOne(services(), request),
      }),
    { methods: ['GET', 'POST'], origins: () => services().corsOrigins, log },
  ),
  watchFunction('webhooks/retry'),
);

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
};

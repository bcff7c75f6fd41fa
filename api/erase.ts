import { asOperator } from '../src/server/http/operator-guard.ts';
import { forBrowsers } from '../src/server/http/browsers.ts';
import { eraseAccount } from '../src/server/observe/erase-account.ts';
import { log } from '../src/server/observe/log.ts';
import { watched } from '../src/server/http/watched.ts';
import { services, watchFunction } from '../src/server/services.ts';

// Exports all methods, so that refused requests are audited too.
const handle = watched(
  forBrowsers(
    (request) =>
      asOperator(services(), 'erase', request, { POST: (actor) => eraseAccount(services(), request, actor) }),
    { methods: ['POST'], origins: () => services().corsOrigins, log },
  ),
  watchFunction('erase'),
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

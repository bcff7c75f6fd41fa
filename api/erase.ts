import { asOperator } from '../src/server/deliver/retry-endpoint.ts';
import { forBrowsers } from '../src/server/http/browsers.ts';
import { eraseAccount } from '../src/server/observe/erase-account.ts';
import { log } from '../src/server/observe/log.ts';
import { services } from '../src/server/services.ts';

// Every method comes here: those that are refused are audited too.
const handle = forBrowsers(
  (request) =>
    asOperator(services(), 'erase', request, { POST: (actor) => eraseAccount(services(), request, actor) }),
  { methods: ['POST'], origins: () => services().corsOrigins, log },
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

import { forBrowsers } from '../../src/server/http/browsers.ts';
import { log } from '../../src/server/observe/log.ts';
import { services } from '../../src/server/services.ts';
import { asOperator, retryAll, retryOne } from '../../src/server/deliver/retry-endpoint.ts';

// Every method comes here: those that are refused are audited too.
const handle = forBrowsers(
  (request) =>
    asOperator(services(), 'retry', request, {
      GET: () => retryAll(services()),
      POST: () => retryOne(services(), request),
    }),
  { methods: ['GET', 'POST'], origins: () => services().corsOrigins, log },
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

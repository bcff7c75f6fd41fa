import { forBrowsers } from '../../src/server/http/browsers.ts';
import { log } from '../../src/server/observe/log.ts';
import { services } from '../../src/server/services.ts';
import { sweep } from '../../src/server/sweep.ts';
import { asOperator } from '../../src/server/deliver/retry-endpoint.ts';

const handle = forBrowsers(
  (request) => asOperator(services(), 'sweep', request, { GET: () => sweep(services()) }),
  { methods: ['GET'], origins: () => services().corsOrigins, log },
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

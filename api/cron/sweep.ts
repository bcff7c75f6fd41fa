import { forBrowsers } from '../../src/server/http/browsers.ts';
import { log } from '../../src/server/observe/log.ts';
import { services, watchFunction } from '../../src/server/services.ts';
import { watched } from '../../src/server/http/watched.ts';
import { sweep } from '../../src/server/sweep.ts';
import { asOperator } from '../../src/server/http/operator-guard.ts';

const handle = watched(
  forBrowsers(
    (request) => asOperator(services(), 'sweep', request, { GET: (actor) => sweep(services(), actor) }),
    { methods: ['GET'], origins: () => services().corsOrigins, log },
  ),
  watchFunction('cron/sweep'),
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

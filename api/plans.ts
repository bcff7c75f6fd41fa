import { applyPlan, cancelPlan, requestPlan } from '../src/server/deliver/plans.ts';
import { asOperator } from '../src/server/http/operator-guard.ts';
import { forBrowsers } from '../src/server/http/browsers.ts';
import { log } from '../src/server/observe/log.ts';
import { watched } from '../src/server/http/watched.ts';
import { services, watchFunction } from '../src/server/services.ts';

// Exports all methods, so that refused requests are audited too.
const handle = watched(
  forBrowsers(
    (request) =>
      asOperator(services(), 'plans', request, {
        POST: (actor) => requestPlan(services(), request, actor),
        PATCH: (actor) => applyPlan(services(), request, actor),
        DELETE: (actor) => cancelPlan(services(), request, actor),
      }),
    { methods: ['POST', 'PATCH', 'DELETE'], origins: () => services().corsOrigins, log },
  ),
  watchFunction('plans'),
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

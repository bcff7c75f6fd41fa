import { asOperator } from '../src/server/http/operator-guard.ts';
import {
  byPerson,
  changeEndpoint,
  createEndpoint,
  removeEndpoint,
  showEndpoints,
} from '../src/server/deliver/subscribers/endpoints.ts';
import { forBrowsers } from '../src/server/http/browsers.ts';
import { log } from '../src/server/observe/log.ts';
import { watched } from '../src/server/http/watched.ts';
import { services, watchFunction } from '../src/server/services.ts';

// Exports all methods, so that refused requests are audited too.
const handle = watched(
  forBrowsers(
    (request) =>
      asOperator(services(), 'endpoints', request, {
        GET: () => showEndpoints(services(), request),
        POST: (actor) => byPerson(actor, () => createEndpoint(services(), request, actor)),
        PATCH: (actor) => byPerson(actor, () => changeEndpoint(services(), request, actor)),
        DELETE: (actor) => byPerson(actor, () => removeEndpoint(services(), request, actor)),
      }),
    { methods: ['GET', 'POST', 'PATCH', 'DELETE'], origins: () => services().corsOrigins, log },
  ),
  watchFunction('endpoints'),
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

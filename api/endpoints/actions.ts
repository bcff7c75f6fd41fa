import { asOperator } from '../../src/server/http/operator-guard.ts';
import { actOnEndpoint } from '../../src/server/deliver/subscribers/actions.ts';
import { byPerson } from '../../src/server/deliver/subscribers/endpoints.ts';
import { forBrowsers } from '../../src/server/http/browsers.ts';
import { log } from '../../src/server/observe/log.ts';
import { watched } from '../../src/server/http/watched.ts';
import { services, watchFunction } from '../../src/server/services.ts';

// One function for all actions: the local front has no dynamic routes, and Vercel's plans limit the number of functions.
const handle = watched(
  forBrowsers(
    (request) =>
      asOperator(services(), 'endpoints', request, {
        POST: (actor) => byPerson(actor, () => actOnEndpoint(services(), request, actor)),
      }),
    { methods: ['POST'], origins: () => services().corsOrigins, log },
  ),
  watchFunction('endpoints/actions'),
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

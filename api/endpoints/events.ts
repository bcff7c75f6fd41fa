import { readEvents } from '../../src/server/deliver/subscribers/read-events.ts';
import { guard } from '../../src/server/http/endpoint.ts';
import { log } from '../../src/server/observe/log.ts';
import { watched } from '../../src/server/http/watched.ts';
import { services, watchFunction } from '../../src/server/services.ts';

// Exports all methods, so that refused requests are audited too.
const handle = watched(
  guard((request) => readEvents(services(), request), log),
  watchFunction('endpoints/events'),
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

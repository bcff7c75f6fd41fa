import { endpoint } from '../src/server/http/endpoint.ts';
import { createMetrics } from '../src/server/observe/metrics.ts';
import { log } from '../src/server/observe/log.ts';
import { watched } from '../src/server/http/watched.ts';
import { services, watchFunction } from '../src/server/services.ts';

const showMetrics = createMetrics(services);

const handle = watched(endpoint({ GET: showMetrics }, log), watchFunction('metrics'));

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
};

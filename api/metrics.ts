import { endpoint } from '../src/server/http/endpoint.ts';
import { createMetrics } from '../src/server/observe/metrics.ts';
import { log } from '../src/server/observe/log.ts';
import { services } from '../src/server/services.ts';

const showMetrics = createMetrics(services);

const handle = endpoint({ GET: showMetrics }, log);

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
};

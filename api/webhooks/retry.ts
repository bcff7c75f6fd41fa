import { endpoint } from '../../src/server/http/endpoint.ts';
import { log } from '../../src/server/log.ts';
import { services } from '../../src/server/services.ts';
import { asOperator, retryAll, retryOne } from '../../src/server/webhooks/retry-endpoint.ts';

const handle = endpoint(
  {
    GET: (request) => asOperator(services(), 'retry', request, () => retryAll(services())),
    POST: (request) => asOperator(services(), 'retry', request, () => retryOne(services(), request)),
  },
  log,
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

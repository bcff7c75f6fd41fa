import { endpoint } from '../../src/server/http/endpoint.ts';
import { takeOverJob } from '../../src/server/jobs/take-over.ts';
import { log } from '../../src/server/observe/log.ts';
import { watched } from '../../src/server/http/watched.ts';
import { services, watchFunction } from '../../src/server/services.ts';

const handle = watched(
  endpoint({ POST: (request) => takeOverJob(services(), request) }, log),
  watchFunction('cron/take-over'),
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

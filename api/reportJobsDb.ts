import { forBrowsers } from '../src/server/http/browsers.ts';
import { endpoint } from '../src/server/http/endpoint.ts';
import { cancelJob, requestJob, showJob, submitResult } from '../src/server/jobs/endpoint.ts';
import { log } from '../src/server/observe/log.ts';
import { watched } from '../src/server/http/watched.ts';
import { services, watchFunction } from '../src/server/services.ts';

const handle = watched(
  forBrowsers(
    endpoint(
      {
        GET: (request) => showJob(services(), request),
        POST: (request) => requestJob(services(), request),
        PATCH: (request) => submitResult(services(), request),
        DELETE: (request) => cancelJob(services(), request),
      },
      log,
    ),
    { methods: ['GET', 'POST', 'PATCH', 'DELETE'], origins: () => services().corsOrigins, log },
  ),
  watchFunction('reportJobsDb'),
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

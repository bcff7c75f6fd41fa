import { endpoint } from '../../src/server/http/endpoint.ts';
import { takeOverJob } from '../../src/server/jobs/take-over.ts';
import { log } from '../../src/server/observe/log.ts';
import { services } from '../../src/server/services.ts';

const handle = endpoint({ POST: (request) => takeOverJob(services(), request) }, log);

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
};

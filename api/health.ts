import { systemClock } from '../src/server/clock.ts';
import { readEnv } from '../src/server/config/env.ts';
import { endpoint, headOf } from '../src/server/http/endpoint.ts';
import { createHealth } from '../src/server/observe/health.ts';
import { log } from '../src/server/observe/log.ts';
import { watched } from '../src/server/http/watched.ts';
import { services, watchFunction } from '../src/server/services.ts';

const showHealth = createHealth({
  services,
  env: () => readEnv(process.env),
  source: process.env,
  ...systemClock,
  log,
});

const handle = watched(endpoint({ GET: showHealth, HEAD: headOf(showHealth) }, log), watchFunction('health'));

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
};

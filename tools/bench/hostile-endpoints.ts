import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/server/clock.ts';
import { redrive } from '../../src/server/deliver/redrive.ts';
import { retryOne } from '../../src/server/deliver/retry-endpoint.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { receiveWebhook } from '../../src/server/events/receive.ts';
import { requestJob, submitResult, type JobServices } from '../../src/server/jobs/endpoint.ts';
import { receivePing } from '../../src/server/observe/receive-ping.ts';
import { DatabaseUnavailable } from '../../src/server/store/store.ts';

const KEY = 'k'.repeat(32);
const webhookKeys = [Buffer.alloc(32, 1)] as const;

/** The database always fails: everything before its first call is the function's own work. */
const services: JobServices & Parameters<typeof retryOne>[0] & Parameters<typeof receiveWebhook>[0] = {
  ...systemClock,
  rpc: () => Promise.reject(new DatabaseUnavailable('not part of this')),
  fetch: () => Promise.reject(new Error('not part of this')),
  outbound: () => Promise.reject(new Error('not part of this')),
  endpointKeys: [],
  findUser: () => Promise.reject(new Error('not part of this')),
  generate: () => Promise.reject(new Error('not part of this')),
  log: () => undefined,
  waitUntil: () => undefined,

  tellSubscribers: () => undefined,
  random: () => 0,
  webhookKeys,
  verificationKeys: { keys: webhookKeys },
  webhookBaseUrls: ['https://polaris.example/api/webhooks'],
  protectionBypass: undefined,
  timeoutMs: 1000,
  maxRetries: 0,
  deliveryLeaseSeconds: 1,
  pipelineApiKeys: [KEY],
  jobLeaseSeconds: 1,
  jobDeadlineSeconds: 1,
  jobQuotaPerUser: 1,
  jobsPerUserPerDay: 1,
  jobsPerDay: 1,
  reportlessJobs: 'pipeline',
  models: [],
};

export interface HostileEndpoint {
  name: string;
  /** A body with this value in the member that accepts any JSON, or accepts the most. */
  body: (value: string) => string;
  call: (request: Request) => Promise<Response>;
}

const ID = '00000000-0000-4000-8000-000000000001';
const NAMED = `"job_id":"job_1","report_id":"${ID}","report_type":"org","research_report":"# r","research_status":"completed"`;
const TIME = '2026-11-25T12:00:00Z';

export const ENDPOINTS: readonly HostileEndpoint[] = [
  {
    name: 'POST webhooks/prelim-report',
    body: (value) =>
      `{"type":"report.prelim.completed","timestamp":"${TIME}","data":{${NAMED},"research_metadata":${value}}}`,
    call: (request) => receiveWebhook(services, 'prelim-report', request),
  },
  {
    name: 'POST webhooks/prelim-report, flat',
    body: (value) => `{${NAMED},"research_metadata":${value}}`,
    call: (request) => receiveWebhook(services, 'prelim-report', request),
  },
  {
    name: 'POST webhooks/prelim-report, as data',
    body: (value) => `{"type":"report.prelim.completed","timestamp":"${TIME}","data":${value}}`,
    call: (request) => receiveWebhook(services, 'prelim-report', request),
  },
  {
    name: 'POST ping, as data',
    body: (value) => `{"type":"polaris.ping","timestamp":"${TIME}","data":${value}}`,
    call: (request) => receivePing(services, request),
  },
  {
    name: 'POST reportJobsDb',
    body: (value) => `{"prompt":"p","report_type":"org","report_id":"${ID}","metadata":${value}}`,
    call: (request) => requestJob(services, request),
  },
  {
    // Such a request is scanned twice, since its metadata may name the report.
    name: 'POST reportJobsDb, report in the metadata',
    body: (value) => `{"prompt":"p","metadata":${value}}`,
    call: (request) => requestJob(services, request),
  },
  {
    name: 'POST reportJobsDb, as the body',
    body: (value) => value,
    call: (request) => requestJob(services, request),
  },
  {
    name: 'PATCH reportJobsDb',
    body: (value) => `{"status":"succeeded","result":"r","metadata":${value}}`,
    call: (request) => submitResult(services, request),
  },
  {
    name: 'POST webhooks/retry, as the body',
    body: (value) => value,
    call: async (request) => (await retryOne(services, request)).response,
  },
  {
    name: 'POST webhooks/redrive, as the filter',
    body: (value) => `{"filter":${value}}`,
    call: async (request) => (await redrive(services, request, ID)).response,
  },
  {
    name: 'POST webhooks/redrive, as event_ids',
    body: (value) => `{"event_ids":${value}}`,
    call: async (request) => (await redrive(services, request, ID)).response,
  },
];

/** A request whose headers pass every check before the body is read. */
export function requestOf(body: Uint8Array<ArrayBuffer>): Request {
  return new Request(`https://polaris.example/?job_id=job_1`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${KEY}`,
      ...sign(webhookKeys, `evt_${randomUUID()}`, Date.now(), body),
    },
    body,
  });
}

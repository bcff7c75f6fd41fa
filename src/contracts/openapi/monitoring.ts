import { z } from 'zod';
import { fullHealth, publicHealth } from '../health.ts';
import type { Operation, Paths } from './operation.ts';

const health: Operation = {
  id: 'showHealth',
  tag: 'Monitoring',
  summary: 'Whether the deployment is up',
  description:
    'Without credentials the answer is at most five seconds old. With `CRON_SECRET` it has every finding of the doctor.',
  callers: ['nobody', 'cron'],
  answers: {
    200: {
      description: 'It is up; with `CRON_SECRET`, what was found.',
      schema: z.union([publicHealth, fullHealth]),
    },
  },
  problems: ['unauthorized', 'misconfigured'],
};

export const MONITORING_PATHS: Paths = {
  '/api/health': {
    get: health,
    head: {
      ...health,
      id: 'headHealth',
      summary: 'The same without a body',
      answers: { 200: { description: 'It is up.' } },
    },
  },
  '/api/metrics': {
    get: {
      id: 'showMetrics',
      tag: 'Monitoring',
      summary: 'Metrics for a monitoring system',
      description:
        'OpenMetrics 1.0.0 where `Accept` names `application/openmetrics-text`, else the text format 0.0.4 of Prometheus.',
      callers: ['monitoring'],
      answers: {
        200: {
          description: 'The metrics.',
          schema: z.string(),
          mediaTypes: ['text/plain', 'application/openmetrics-text'],
        },
      },
      problems: ['unauthorized'],
    },
  },
};

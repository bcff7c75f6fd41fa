import { z } from 'zod';
import { accountContent, erasedAccount, eraseRequest } from '../erasure.ts';
import { anyPlanRequest, applyPlanRequest, planAnswer, planQuery } from '../plans.ts';
import {
  cronAnswer,
  redriveAnswer,
  redriveRequest,
  retryAnswer,
  retryRequest,
  sweepAnswer,
} from '../retry.ts';
import { OF_BODIES, OF_OPERATORS, type Paths } from './operation.ts';

const BODY_LIMIT = 'The body has at most 1 MiB.';

export const OPERATOR_PATHS: Paths = {
  '/api/webhooks/retry': {
    post: {
      id: 'retryDelivery',
      tag: 'Operators',
      summary: 'Send one delivery now',
      description: `The latest delivery that matches is sent with one POST, due or not. ${BODY_LIMIT}`,
      callers: ['operator', 'cron'],
      body: { schema: retryRequest },
      answers: {
        200: { description: 'The endpoint confirmed the delivery, now or before.', schema: retryAnswer },
      },
      problems: [
        ...OF_BODIES,
        ...OF_OPERATORS,
        'report_not_found',
        'delivery_not_found',
        'delivery_busy',
        'delivery_closed',
        'delivery_failed',
      ],
      isForPages: true,
    },
    get: {
      id: 'sendDue',
      tag: 'Operators',
      summary: 'Send what is due',
      description: 'New deliveries are claimed for 50 seconds at most.',
      callers: ['operator', 'cron'],
      answers: { 200: { description: 'The counts of sent deliveries.', schema: sweepAnswer } },
      problems: OF_OPERATORS,
      isForPages: true,
    },
  },
  '/api/webhooks/redrive': {
    post: {
      id: 'redrive',
      tag: 'Operators',
      summary: 'Put dead letters back on schedule',
      description: `Stops after 60 seconds; repeat it for the rest. The cron is refused with \`forbidden\`. ${BODY_LIMIT}`,
      callers: ['operator'],
      body: { schema: redriveRequest },
      answers: { 200: { description: 'How many dead letters are due now.', schema: redriveAnswer } },
      problems: [...OF_BODIES, ...OF_OPERATORS],
      isForPages: true,
    },
  },
  '/api/erase': {
    post: {
      id: 'eraseAccount',
      tag: 'Operators',
      summary: 'Show what an account holds, or erase it',
      description: `\`find\` shows what an erasure would take; \`user_id\` erases. The cron is refused with \`forbidden\`. ${BODY_LIMIT}`,
      callers: ['operator'],
      body: { schema: eraseRequest },
      answers: {
        200: {
          description: 'The content of the account, or the erased content.',
          schema: z.union([accountContent, erasedAccount]),
        },
      },
      problems: [...OF_BODIES, ...OF_OPERATORS, 'account_not_found'],
      isForPages: true,
    },
  },
  '/api/plans': {
    post: {
      id: 'requestPlan',
      tag: 'Operators',
      summary: 'Retry, redrive or replay many deliveries',
      description:
        'A plan is worked off in slices, by this request and by every sweep. A replay is only proposed: `PATCH` applies it. The same `request_id` again answers the same plan. ' +
        `The cron is refused with \`forbidden\`. ${BODY_LIMIT}`,
      callers: ['operator'],
      body: { schema: anyPlanRequest },
      answers: { 202: { description: 'The plan.', schema: planAnswer } },
      problems: [...OF_BODIES, ...OF_OPERATORS, 'idempotency_conflict'],
      isForPages: true,
    },
    patch: {
      id: 'applyPlan',
      tag: 'Operators',
      summary: 'Apply a proposed replay',
      description: `A plan that runs or has ended is answered unchanged. ${BODY_LIMIT}`,
      callers: ['operator'],
      query: planQuery,
      body: { schema: applyPlanRequest },
      answers: { 200: { description: 'The plan.', schema: planAnswer } },
      problems: [...OF_BODIES, ...OF_OPERATORS, 'invalid_query', 'plan_not_found'],
      isForPages: true,
    },
    delete: {
      id: 'cancelPlan',
      tag: 'Operators',
      summary: 'Cancel a plan',
      description: 'No further slice begins. Finished slices are not undone.',
      callers: ['operator'],
      query: planQuery,
      answers: { 200: { description: 'The plan.', schema: planAnswer } },
      problems: [...OF_OPERATORS, 'invalid_query', 'plan_not_found'],
      isForPages: true,
    },
  },
  '/api/cron/sweep': {
    get: {
      id: 'sweep',
      tag: 'Operators',
      summary: 'Do everything that is due',
      description: 'The cron calls it once a minute. It answers 503 only when no part could do anything.',
      callers: ['operator', 'cron'],
      answers: { 200: { description: 'The work done, and the errors.', schema: cronAnswer } },
      problems: OF_OPERATORS,
      isForPages: true,
    },
  },
};

import type { z } from 'zod';
import { alertEvent } from '../alerts.ts';
import { accountContent, erasedAccount, eraseRequest } from '../erasure.ts';
import { filter } from '../filters.ts';
import { fullHealth, pingAnswer, pingEnvelope, publicHealth } from '../health.ts';
import { jobAccepted, jobView, receivedJobResult } from '../jobs.ts';
import { plan, planRequest, replayRequest } from '../plans.ts';
import { platformJobRequest } from '../platform-job-request.ts';
import { problemDetails } from '../problem.ts';
import { cronAnswer, redriveRequest, retryAnswer, retryRequest, sweepAnswer } from '../retry.ts';
import { SENT_EVENTS } from '../sent-events.ts';
import {
  createdEndpoint,
  endpointAnswer,
  eventSelection,
  eventsAnswer,
  explanation,
  filterTest,
  settingsRevision,
  subscriberSettings,
  subscriberView,
  versionTest,
} from '../subscribers.ts';
import {
  batchResult,
  receivedBatchEvent,
  receivedEnvelope,
  receivedFlatBody,
  webhookAnswer,
} from '../webhooks.ts';

/** Schemas with a name of their own in the document; others are inlined. */
export const NAMED_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  AccountContent: accountContent,
  AlertEvent: alertEvent,
  BatchEvent: receivedBatchEvent,
  BatchResult: batchResult,
  CreatedSubscriber: createdEndpoint,
  EraseRequest: eraseRequest,
  ErasedAccount: erasedAccount,
  EventSelection: eventSelection,
  Events: eventsAnswer,
  Explanation: explanation,
  Filter: filter,
  FilterTest: filterTest,
  FlatBody: receivedFlatBody,
  Health: fullHealth,
  Job: jobView,
  JobAccepted: jobAccepted,
  JobRequest: platformJobRequest,
  JobResult: receivedJobResult,
  Ping: pingEnvelope,
  PingAnswer: pingAnswer,
  Plan: plan,
  PlanRequest: planRequest,
  Problem: problemDetails,
  PublicHealth: publicHealth,
  RedriveRequest: redriveRequest,
  ReplayRequest: replayRequest,
  RetryAnswer: retryAnswer,
  RetryRequest: retryRequest,
  SettingsRevision: settingsRevision,
  Subscriber: subscriberView,
  SubscriberAnswer: endpointAnswer,
  SubscriberSettings: subscriberSettings,
  SweepAnswer: sweepAnswer,
  CronAnswer: cronAnswer,
  VersionTest: versionTest,
  WebhookAnswer: webhookAnswer,
  WebhookEnvelope: receivedEnvelope,
  ...Object.fromEntries(
    SENT_EVENTS.map(({ version, body, schema }) => [`SentEvent.${version}.${body}`, schema]),
  ),
};

/**
 * Which tables of docs/contract.md describe the members of which schemas, by the tables' marks. `path` leads from the schema
 * to the one with the members.
 */
export const DESCRIBED: readonly { schema: string; path?: readonly (string | number)[]; table: string }[] = [
  { schema: 'JobRequest', table: 'jobRequest' },
  { schema: 'JobAccepted', table: 'jobAccepted' },
  { schema: 'Job', table: 'jobView' },
  { schema: 'JobResult', table: 'jobResult' },
  { schema: 'FlatBody', table: 'reportData' },
  { schema: 'WebhookEnvelope', path: ['properties', 'data'], table: 'reportData' },
  { schema: 'BatchEvent', path: ['properties', 'data'], table: 'reportData' },
  { schema: 'WebhookAnswer', table: 'webhookAnswer' },
  { schema: 'BatchResult', table: 'batchResult' },
  { schema: 'RetryRequest', table: 'retryRequest' },
  { schema: 'RedriveRequest', path: ['anyOf', 1, 'properties', 'filter'], table: 'redriveFilter' },
  { schema: 'PlanRequest', table: 'planRequest' },
  { schema: 'ReplayRequest', table: 'planRequest' },
  { schema: 'PlanRequest', path: ['properties', 'filter'], table: 'planFilter' },
  { schema: 'ReplayRequest', path: ['properties', 'filter'], table: 'replayFilter' },
  { schema: 'SubscriberSettings', table: 'subscriberSettings' },
  { schema: 'EventSelection', table: 'eventSelection' },
  { schema: 'SweepAnswer', table: 'sweepAnswer' },
  { schema: 'CronAnswer', table: 'sweepAnswer' },
  { schema: 'CronAnswer', table: 'cronAnswer' },
  { schema: 'AlertEvent', path: ['properties', 'data'], table: 'alertEvent' },
];

import { z } from 'zod';
import {
  alertPage,
  alertQuery,
  silenceRequest,
  type AlertPage,
  type AlertQuery,
  type SilenceRequest,
} from '../contracts/console-alerts.ts';
import { withInput, type Answer, type CallOptions } from './answer.ts';
import { call, page, type DatabaseClient } from './database.ts';

/** Open alerts, and resolved ones, newest first. For operators; others get `42501`. */
export async function listAlerts(
  client: DatabaseClient,
  query: AlertQuery = {},
  options: CallOptions = {},
): Promise<Answer<AlertPage>> {
  return withInput(alertQuery, query, ({ id, ...rest }) =>
    call(client, 'list_alerts', { ...page(rest), p_id: id }, alertPage, options),
  );
}

/** Silences alerts until then; returns the id of the silence. For operators; others get `42501`. */
export async function silenceAlerts(
  client: DatabaseClient,
  request: SilenceRequest,
  options: CallOptions = {},
): Promise<Answer<string>> {
  return withInput(silenceRequest, request, ({ reason, until, rule, subject }) =>
    call(
      client,
      'silence_alert',
      { p_reason: reason, p_until: until, p_rule: rule, p_subject: subject },
      z.guid(),
      options,
    ),
  );
}

/** Ends a silence. Returns false if it had already ended. For operators; others get `42501`. */
export async function endSilence(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<boolean>> {
  return withInput(z.guid(), id, (silenceId) =>
    call(client, 'end_silence', { p_id: silenceId }, z.boolean(), options),
  );
}

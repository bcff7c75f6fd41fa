import { actors, type Actor } from '../contracts/actors.ts';
import { consoleStatus, type ConsoleStatus } from '../contracts/console-status.ts';
import type { Answer, CallOptions } from './answer.ts';
import { call, type DatabaseClient } from './database.ts';

/** Who the ids in the audit are. For operators; others: `42501`. */
export function getActors(client: DatabaseClient, options: CallOptions = {}): Promise<Answer<Actor[]>> {
  return call(client, 'list_actors', {}, actors, options);
}

/** Whether results arrive. For operators; others: `42501`. */
export function getConsoleStatus(
  client: DatabaseClient,
  options: CallOptions = {},
): Promise<Answer<ConsoleStatus>> {
  return call(client, 'console_status', {}, consoleStatus, options);
}

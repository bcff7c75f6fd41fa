import { actors, type Actor } from '../contracts/actors.ts';
import { consoleStatus, type ConsoleStatus } from '../contracts/console-status.ts';
import type { Answer, CallOptions } from './answer.ts';
import { call, type DatabaseClient } from './database.ts';

/** The people behind the ids in the audit. For operators; others get `42501`. */
export function getActors(client: DatabaseClient, options: CallOptions = {}): Promise<Answer<Actor[]>> {
  return call(client, 'list_actors', {}, actors, options);
}

/** The status line: whether results arrive. For operators; others get `42501`. */
export function getConsoleStatus(
  client: DatabaseClient,
  options: CallOptions = {},
): Promise<Answer<ConsoleStatus>> {
  return call(client, 'console_status', {}, consoleStatus, options);
}

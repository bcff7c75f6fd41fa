import {
  accountContent,
  erasedAccount,
  eraseRequest,
  type AccountContent,
  type ErasedAccount,
} from '../contracts/erasure.ts';
import { callApi, withInput, type Answer, type CallOptions } from './answer.ts';
import type { DatabaseClient } from './database.ts';

/**
 * What an account holds, by its id or complete e-mail address. For operators; each look-up is audited. `account_not_found`:
 * no account has this address.
 */
export async function findAccountContent(
  client: DatabaseClient,
  user: string,
  options: CallOptions = {},
): Promise<Answer<AccountContent>> {
  return withInput(eraseRequest, { find: user.trim() }, (body) =>
    callApi(client, accountContent, { method: 'POST', path: '/erase', body }, options),
  );
}

/** Deletes a user's reports and erases all content of theirs. Cannot be undone. For operators. */
export async function eraseAccount(
  client: DatabaseClient,
  userId: string,
  options: CallOptions = {},
): Promise<Answer<ErasedAccount>> {
  return withInput(eraseRequest, { user_id: userId }, (body) =>
    callApi(client, erasedAccount, { method: 'POST', path: '/erase', body }, options),
  );
}

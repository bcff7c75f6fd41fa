import type { Sql } from 'postgres';
import { member } from './event.ts';
import { handleEvent } from './handle-event.ts';

export interface EventList {
  /** Such as https://polaris.example.com/api/endpoints/events. */
  url: string;
  /** The endpoint's read token, `pet_…`. */
  readToken: string;
}

const TIMEOUT_MS = 30_000;

/**
 * Reads the list of events from where it was last read to its end, and handles what has not come by itself: after an outage,
 * once in a while, and to begin with. The cursor moves after the events before it are committed, so that this may end anywhere: an
 * event that is read again is a duplicate.
 * @returns how many events were new
 */
export async function catchUp(sql: Sql, list: EventList): Promise<number> {
  let handled = 0;
  for (;;) {
    const [row] = await sql<{ cursor: string | null }[]>`select cursor from polaris_cursor`;
    const after = row?.cursor ?? null;
    const page = await readPage(list, after);
    for (const { id, body } of page.events) {
      // Its content was erased: nobody can read it any more.
      if (body === null) continue;
      // One transaction each: with several in one, two processes could wait for each other.
      if (await sql.begin((transaction) => handleEvent(transaction, id, body))) handled += 1;
    }
    if (page.next !== null) {
      // Another process that has read the same page may have moved it already.
      await sql`update polaris_cursor set cursor = ${page.next} where cursor is not distinct from ${after}`;
    }
    if (!page.hasMore || page.next === null || page.next === after) return handled;
  }
}

interface Page {
  /** Without a body: its content was erased. */
  events: { id: string; body: string | null }[];
  /** Null: nothing has come since the cursor. */
  next: string | null;
  hasMore: boolean;
}

async function readPage({ url, readToken }: EventList, after: string | null): Promise<Page> {
  const address = new URL(url);
  if (after !== null) address.searchParams.set('after', after);
  const response = await fetch(address, {
    headers: { authorization: `Bearer ${readToken}` },
    // The token is for this server alone.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`the list of events answered ${response.status}`);
  const json: unknown = await response.json();
  const events = member(json, 'events');
  const next = member(json, 'next');
  if (!Array.isArray(events)) throw new Error('the list of events has another form');
  return {
    events: events.map((event: unknown) => {
      const id = member(event, 'id');
      const body = member(event, 'body');
      if (typeof id !== 'string' || (body !== null && typeof body !== 'string')) {
        throw new Error('an event has another form');
      }
      return { id, body };
    }),
    next: typeof next === 'string' ? next : null,
    hasMore: member(json, 'has_more') === true,
  };
}

import { cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { EventReceivers, verdictOf } from '../../src/console/ui/event-receivers.tsx';
import { FAN_OUT_REASONS, type Explanation } from '../../src/contracts/subscribers.ts';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';
import { shownSettings, subscriberView } from '../support/subscriber-view.ts';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const AT = '2026-11-25T12:00:00Z';
const event: Explanation['event'] = {
  id: 'evt_1',
  type: 'report.final.completed',
  report_type: 'org',
  report_id: '00000000-0000-4000-8000-000000000001',
  stage: 'final',
  status: 'completed',
  channel: 'webhook',
  effect: 'applied',
  position: 1,
  applied_at: AT,
  bulk: false,
  erased_at: null,
};
const explained = (reason: Explanation['reason'], sentence: string): Explanation => ({
  reason,
  sentence,
  event,
  revision: 1,
  settings: null,
  decided_by: null,
  deliveries: [],
});

/** Subscribers 0, 1, … with these answers to why. */
function serve(answers: (Explanation | null)[]): string[] {
  const paths: string[] = [];
  const id = (index: number) => `ep-${String(index).padStart(16, '0')}`;
  vi.stubGlobal('fetch', (path: string) => {
    paths.push(path);
    if (!path.includes('/actions')) {
      const endpoints = answers.map((_, index) =>
        subscriberView({
          endpoint_id: id(index),
          settings: shownSettings({ url: `https://s${index}.example.org/` }),
        }),
      );
      return Promise.resolve(Response.json({ endpoints }));
    }
    const asked = new URLSearchParams(path.split('?')[1]).get('endpoint_id');
    const found = answers.find((_, index) => id(index) === asked);
    return Promise.resolve(
      found == null
        ? Response.json(
            { type: 'about:blank', title: 'no', status: 404, code: 'event_not_found' },
            { status: 404 },
          )
        : Response.json(found),
    );
  });
  return paths;
}
const open = async () => {
  const details = screen.getByText('Receivers?').closest('details');
  if (details === null) throw new Error('it cannot be opened');
  details.open = true;
  fireEvent(details, new Event('toggle'));
  return screen.findByRole('list', { name: 'Receivers' });
};

it('asks nothing before it is opened, then says of each subscriber whether it got the event, and why', async () => {
  const paths = serve([
    explained('delivered', `It was delivered at ${AT}, with attempt 1.`),
    explained('filter', 'The filter does not match.'),
    explained('dead_letter', 'It is a dead letter.'),
    explained('scheduled', `Attempt 1 failed; the next attempt is due at ${AT}.`),
    null,
  ]);
  renderSignedIn(
    browserClient(() => Response.json([])),
    <EventReceivers eventId="evt_1" title="Receivers?" />,
  );
  expect(paths).toEqual([]);
  const list = await open();
  // Those that are removed may have got it.
  expect(paths[0]).toBe('/api/endpoints?removed=true');
  const items = within(list).getAllByRole('listitem');
  await waitFor(() => expect(list.textContent).not.toContain('asking…'));
  expect(items[0]?.textContent).toMatch(
    /^s0\.example\.org✓ got itIt was delivered .+ ago, with attempt 1\.$/,
  );
  expect(items[0]?.querySelector('time')?.dateTime).toBe(AT);
  expect(items[0]?.textContent).not.toContain(' at ');
  expect(items[1]?.textContent).toContain('– not sent to itThe filter does not match.');
  expect(items[2]?.textContent).toContain('✕ not delivered');
  expect(items[3]?.textContent).toContain('… not yet');
  // One that cannot be said costs only itself.
  expect(within(items[4] ?? list).getByRole('alert')).toBeTruthy();
});

it('asks about twenty at a time', async () => {
  const paths = serve(Array.from({ length: 25 }, () => explained('type', 'It takes other types.')));
  renderSignedIn(
    browserClient(() => Response.json([])),
    <EventReceivers eventId="evt_1" title="Receivers?" />,
  );
  const list = await open();
  expect(within(list).getAllByRole('listitem')).toHaveLength(20);
  fireEvent.click(screen.getByRole('button', { name: 'Show 5 more subscribers' }));
  await waitFor(() => expect(within(list).getAllByRole('listitem')).toHaveLength(25));
  await waitFor(() => expect(paths.filter((path) => path.includes('explain'))).toHaveLength(25));
});

it('says that there is no subscriber', async () => {
  serve([]);
  renderSignedIn(
    browserClient(() => Response.json([])),
    <EventReceivers eventId="evt_1" title="Receivers?" />,
  );
  const details = screen.getByText('Receivers?').closest('details');
  if (details !== null) {
    details.open = true;
    fireEvent(details, new Event('toggle'));
  }
  expect(await screen.findByText('No subscriber yet')).toBeTruthy();
});

it('has a verdict of every reason that the API knows', () => {
  const verdicts = Map.groupBy(FAN_OUT_REASONS, (reason) => verdictOf({ reason }));
  expect([...verdicts.keys()].toSorted()).toEqual(['failed', 'got', 'not', 'open']);
  expect(verdicts.get('got')).toEqual(['delivered']);
});

import { cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { Link, navigate } from 'raviger';
import { useState } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NewSubscriber } from '../../src/console/views/subscribers/create.tsx';
import { Probes } from '../../src/console/views/subscribers/check-panel.tsx';
import { SettingsPanel } from '../../src/console/views/subscribers/settings-panel.tsx';
import { ShownOnce } from '../../src/console/views/subscribers/shown-once.tsx';
import { SubscriberActions } from '../../src/console/views/subscribers/subscriber-actions.tsx';
import { SubscriberTable } from '../../src/console/views/subscribers/subscriber-table.tsx';
import { VersionResults } from '../../src/console/views/subscribers/version-test-panel.tsx';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';
import { shownSettings, SUBSCRIBER_ID, subscriberView } from '../support/subscriber-view.ts';

interface Call {
  method: string;
  path: string;
  body: unknown;
}
let calls: Call[] = [];

/** The functions answer one after the other; the database answers nothing. */
function answer(...answers: (() => Response)[]): void {
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
    const body: unknown = typeof init?.body === 'string' ? JSON.parse(init.body) : undefined;
    calls.push({ method: init?.method ?? 'GET', path, body });
    const next = answers.shift();
    return next === undefined ? Promise.reject(new TypeError('Failed to fetch')) : Promise.resolve(next());
  });
}
const client = () => browserClient(() => Response.json([]));
const problem = (status: number, code: string, rest: object = {}) =>
  Response.json({ type: 'about:blank', title: code, status, code, ...rest }, { status });

beforeEach(() => {
  calls = [];
});
afterEach(() => {
  cleanup();
  sessionStorage.clear();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it('keeps the draft of a new subscriber until its secret was stored', async () => {
  const made = {
    endpoint: subscriberView({ state: 'unverified' }),
    secret: 'whsec_abc',
    read_token: 'pet_abc',
  };
  answer(() => Response.json(made, { status: 201 }));
  renderSignedIn(client(), <NewSubscriber />);
  fireEvent.change(screen.getByLabelText('URL'), { target: { value: 'https://hooks.example.org/' } });
  fireEvent.click(screen.getByRole('checkbox', { name: 'Org' }));
  fireEvent.click(screen.getByRole('button', { name: 'Create subscriber' }));
  expect(await screen.findByText('whsec_abc')).toBeTruthy();
  expect(screen.getByText('pet_abc')).toBeTruthy();
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatchObject({
    method: 'POST',
    path: '/api/endpoints',
    body: {
      settings: { url: 'https://hooks.example.org/', events: { report_types: ['org'] }, filter: null },
    },
  });
  expect(sessionStorage.getItem('polaris-new-subscriber')).toContain('hooks.example.org');
  // Neither of them is kept where it outlives the page.
  expect(JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage)])).not.toMatch(
    /whsec_abc|pet_abc/,
  );
  fireEvent.click(screen.getByRole('button', { name: 'I have stored both' }));
  expect(sessionStorage.getItem('polaris-new-subscriber')).toBeNull();
});

it('sends the same request again when the answer was lost, and says that the secret was shown once', async () => {
  answer();
  renderSignedIn(client(), <NewSubscriber />);
  fireEvent.change(screen.getByLabelText('URL'), { target: { value: 'https://hooks.example.org/' } });
  fireEvent.click(screen.getByRole('button', { name: 'Create subscriber' }));
  expect(await screen.findByText('The server cannot be reached')).toBeTruthy();
  cleanup();
  // As after a reload.
  answer(() => Response.json({ endpoint: subscriberView({ state: 'unverified' }) }));
  renderSignedIn(client(), <NewSubscriber />);
  fireEvent.click(screen.getByRole('button', { name: 'Create subscriber' }));
  expect(await screen.findByText('Its secret was shown once')).toBeTruthy();
  const ids = calls.map(({ body }) => (body as { request_id: string }).request_id);
  expect(ids[0]).toBe(ids[1]);
});

it('makes another request of another content', async () => {
  answer();
  renderSignedIn(client(), <NewSubscriber />);
  const url = screen.getByLabelText('URL');
  for (const value of ['https://one.example.org/', 'https://two.example.org/']) {
    fireEvent.change(url, { target: { value } });
    fireEvent.click(screen.getByRole('button', { name: 'Create subscriber' }));
    await screen.findByText('The server cannot be reached');
  }
  await waitFor(() => expect(calls).toHaveLength(2));
  const ids = calls.map(({ body }) => (body as { request_id: string }).request_id);
  expect(ids[0]).not.toBe(ids[1]);
});

it('says at the URL that its host is not allowed, and sends nothing where a field is wrong', async () => {
  const issues = [{ path: 'settings.url', message: 'has a host that SUBSCRIBER_HOSTS does not allow' }];
  answer(() => problem(400, 'invalid_body', { issues }));
  renderSignedIn(client(), <NewSubscriber />);
  const url = screen.getByLabelText('URL');
  const create = screen.getByRole('button', { name: 'Create subscriber' });
  fireEvent.click(create);
  await waitFor(() => expect(document.activeElement).toBe(url));
  expect(calls).toEqual([]);
  fireEvent.change(url, { target: { value: 'https://evil.example.org/' } });
  fireEvent.click(create);
  expect(await screen.findByText('It has a host that SUBSCRIBER_HOSTS does not allow.')).toBeTruthy();
});

it('checks a filter while it is typed, and tries it on the last events', async () => {
  const event = {
    event_id: 'evt_1',
    type: 'report.final.completed',
    report_type: 'org',
    report_id: '00000000-0000-4000-8000-000000000001',
    applied_at: '2026-11-25T12:00:00Z',
    matches: false,
    decided_by: 'exact.stage',
    explanation: 'stage is "final", and not "prelim".',
  };
  answer(() => Response.json({ events: [event, { ...event, event_id: 'evt_2', matches: true }] }));
  renderSignedIn(client(), <NewSubscriber />);
  const filter = screen.getByLabelText(/^Filter/);
  const tryIt = screen.getByRole<HTMLButtonElement>('button', { name: /^Test on/ });
  fireEvent.change(filter, { target: { value: '{"exact": {"stage": 1}}' } });
  expect(screen.getByText('exact › stage must be a text')).toBeTruthy();
  expect([filter.getAttribute('aria-invalid'), tryIt.disabled]).toEqual(['true', true]);
  fireEvent.change(filter, { target: { value: '{"exact": {"stage": "prelim"}}' } });
  expect([filter.getAttribute('aria-invalid'), tryIt.disabled]).toEqual([null, false]);
  fireEvent.click(tryIt);
  const results = await screen.findByRole('region', { name: 'Result of the filter' });
  expect(results.textContent).toContain('1 of the last 2 events match.');
  expect(results.textContent).toContain('exact.stage');
  expect(calls[0]).toMatchObject({
    path: '/api/endpoints/actions?action=filter-test',
    body: { filter: { exact: { stage: 'prelim' } } },
  });
});

it('warns before the page is left, until everything that is shown once was copied', async () => {
  const user = userEvent.setup();
  const onDone = vi.fn();
  renderSignedIn(
    client(),
    <ShownOnce
      values={[
        { name: 'Secret', value: 'whsec_abc', hint: '' },
        { name: 'Read token', value: 'pet_abc', hint: '' },
      ]}
      done="Open"
      onDone={onDone}
    />,
  );
  const leave = () => window.dispatchEvent(new Event('beforeunload', { cancelable: true }));
  expect(leave()).toBe(false);
  await user.click(screen.getByRole('button', { name: 'Copy the secret' }));
  expect(await navigator.clipboard.readText()).toBe('whsec_abc');
  expect(leave()).toBe(false);
  await user.click(screen.getByRole('button', { name: 'Copy the read token' }));
  expect(await screen.findAllByText('✓ copied')).toHaveLength(2);
  expect(leave()).toBe(true);
  await user.click(screen.getByRole('button', { name: 'Open' }));
  expect(onDone).toHaveBeenCalledOnce();
});

it('asks before another view of the console is opened, until everything was copied or stored', async () => {
  const user = userEvent.setup();
  const ask = vi.spyOn(window, 'confirm').mockReturnValue(false);
  const onDone = vi.fn(() => navigate('/subscribers/done'));
  const values = [{ name: 'Secret', value: 'whsec_abc', hint: '' }];
  navigate('/subscribers/here');
  renderSignedIn(
    client(),
    <>
      <ShownOnce values={values} done="Open" onDone={onDone} />
      <Link href="/jobs">Jobs</Link>
    </>,
  );
  await user.click(screen.getByRole('link', { name: 'Jobs' }));
  expect(ask).toHaveBeenCalledOnce();
  expect(location.pathname).toBe('/subscribers/here');
  // raviger remembers an answer until the next task.
  await new Promise((resolve) => setTimeout(resolve));
  await user.click(screen.getByRole('button', { name: 'I have stored it' }));
  expect(onDone).toHaveBeenCalledOnce();
  expect(ask).toHaveBeenCalledOnce();
  expect(location.pathname).toBe('/subscribers/done');
  cleanup();

  renderSignedIn(
    client(),
    <>
      <ShownOnce values={values} done="Open" onDone={onDone} />
      <Link href="/jobs">Jobs</Link>
    </>,
  );
  await user.click(screen.getByRole('button', { name: 'Copy the secret' }));
  await screen.findByText('✓ copied');
  await user.click(screen.getByRole('link', { name: 'Jobs' }));
  expect(ask).toHaveBeenCalledOnce();
  expect(location.pathname).toBe('/jobs');
});

it('replaces nothing while a value is shown once', async () => {
  answer(() => Response.json({ endpoint: subscriberView(), read_token: 'pet_new' }));
  renderSignedIn(client(), <SubscriberActions subscriber={subscriberView()} />);
  const replace = () =>
    screen.getAllByRole<HTMLButtonElement>('button', { name: /^Replace (secret|token)$/ });
  fireEvent.click(screen.getByRole('button', { name: 'Replace token' }));
  // Its code is loaded then.
  const dialog = await screen.findByRole('alertdialog', {}, { timeout: 20_000 });
  fireEvent.click(within(dialog).getByRole('button', { name: 'Replace the token' }));
  expect(await screen.findByText('pet_new')).toBeTruthy();
  await waitFor(() => expect(replace().map(({ disabled }) => disabled)).toEqual([true, true]));
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Check' }).disabled).toBe(false);
  fireEvent.click(screen.getByRole('button', { name: 'I have stored it' }));
  expect(replace().map(({ disabled }) => disabled)).toEqual([false, false]);
});

it('shows what somebody else changed meanwhile, and saves over it only when asked again', async () => {
  const theirs = subscriberView({ revision: 2, settings: shownSettings({ mode: 'latest' }) });
  /** What the page reads when it is refreshed. */
  function Refreshed() {
    const [present, setPresent] = useState(subscriberView());
    return (
      <>
        <button onClick={() => setPresent(theirs)}>refresh</button>
        <SettingsPanel subscriber={present} />
      </>
    );
  }
  answer(
    () => problem(409, 'revision_conflict'),
    () => Response.json({ endpoint: subscriberView({ revision: 3 }) }),
  );
  renderSignedIn(client(), <Refreshed />);
  fireEvent.click(screen.getByRole('button', { name: 'Edit' }));
  fireEvent.change(screen.getByLabelText(/^Description/), { target: { value: 'Mine' } });
  fireEvent.click(screen.getByRole('button', { name: 'Save settings' }));
  expect((await screen.findByRole('alert')).textContent).toContain('Your changes are not saved.');
  fireEvent.click(screen.getByRole('button', { name: 'refresh' }));
  const conflict = await screen.findByRole('alert', { name: 'Changed meanwhile' });
  expect(within(conflict).getByText('Mode')).toBeTruthy();
  expect(conflict.querySelector('del')?.textContent).toBe('every');
  expect(conflict.querySelector('ins')?.textContent).toBe('latest');
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Save settings' }).disabled).toBe(true);
  fireEvent.click(screen.getByRole('button', { name: 'Keep my changes' }));
  fireEvent.click(screen.getByRole('button', { name: 'Save settings' }));
  await waitFor(() => expect(calls).toHaveLength(2));
  expect(calls.map(({ method, path }) => `${method} ${path}`)).toEqual(
    Array(2).fill(`PATCH /api/endpoints?endpoint_id=${SUBSCRIBER_ID}`),
  );
  expect(calls.map(({ body }) => body)).toMatchObject([
    { revision: 1, settings: { description: 'Mine', mode: 'every' } },
    { revision: 2, settings: { description: 'Mine', mode: 'every' } },
  ]);
  // It closes, and the heading has the focus that the form had.
  await waitFor(() => expect(document.activeElement?.textContent).toBe('Settings'));
});

it('drops what was typed for theirs', () => {
  const theirs = subscriberView({ revision: 2, settings: shownSettings({ description: 'Theirs' }) });
  function Refreshed() {
    const [present, setPresent] = useState(subscriberView());
    return (
      <>
        <button onClick={() => setPresent(theirs)}>refresh</button>
        <SettingsPanel subscriber={present} />
      </>
    );
  }
  renderSignedIn(client(), <Refreshed />);
  fireEvent.click(screen.getByRole('button', { name: 'Edit' }));
  fireEvent.change(screen.getByLabelText(/^Description/), { target: { value: 'Mine' } });
  fireEvent.click(screen.getByRole('button', { name: 'refresh' }));
  expect(screen.getByLabelText<HTMLInputElement>(/^Description/).value).toBe('Mine');
  fireEvent.click(screen.getByRole('button', { name: 'Take their changes' }));
  expect(screen.getByLabelText<HTMLInputElement>(/^Description/).value).toBe('Theirs');
  expect(screen.queryByRole('alert')).toBeNull();
});

it.each([
  ['unverified', ['Check', 'Replace secret', 'Replace token', 'Remove']],
  ['active', ['Check', 'Pause sending', 'Replace secret', 'Replace token', 'Remove']],
  ['paused', ['Check', 'Resume sending', 'Replace secret', 'Replace token', 'Remove']],
  ['removed', []],
] as const)('offers of one that is %s what can be done with it', (state, names) => {
  renderSignedIn(client(), <SubscriberActions subscriber={subscriberView({ state })} />);
  expect(screen.queryAllByRole('button').map(({ textContent }) => textContent)).toEqual(names);
});

it('removes only once it was confirmed', async () => {
  answer(() => Response.json({ endpoint: subscriberView({ state: 'removed' }) }));
  renderSignedIn(client(), <SubscriberActions subscriber={subscriberView()} />);
  fireEvent.click(screen.getByRole('button', { name: 'Remove' }));
  // Its code is loaded then.
  const dialog = await screen.findByRole('alertdialog', {}, { timeout: 20_000 });
  expect(calls).toEqual([]);
  fireEvent.click(within(dialog).getByRole('button', { name: 'Remove' }));
  await waitFor(() => expect(calls).toHaveLength(1));
  expect(calls[0]).toMatchObject({ method: 'DELETE', path: `/api/endpoints?endpoint_id=${SUBSCRIBER_ID}` });
});

it('replaces a secret with the overlap that was chosen, and shows the new one once', async () => {
  answer(() => Response.json({ endpoint: subscriberView(), secret: 'whsec_new' }));
  renderSignedIn(client(), <SubscriberActions subscriber={subscriberView()} />);
  fireEvent.click(screen.getByRole('button', { name: 'Replace secret' }));
  // Its code is loaded then.
  const dialog = await screen.findByRole('alertdialog', {}, { timeout: 20_000 });
  fireEvent.change(within(dialog).getByLabelText('Overlap'), { target: { value: '0' } });
  expect(within(dialog).getByText(/^The receiver rejects all requests/)).toBeTruthy();
  fireEvent.click(within(dialog).getByRole('button', { name: 'Replace the secret' }));
  expect(await screen.findByText('whsec_new')).toBeTruthy();
  expect(calls[0]).toMatchObject({
    path: `/api/endpoints/actions?action=secret&endpoint_id=${SUBSCRIBER_ID}`,
    body: { overlap_seconds: 0 },
  });
});

it('says of each probe in words whether it is good, and what to do', () => {
  renderSignedIn(
    client(),
    <Probes
      probes={[
        { name: 'ping', ok: true, detail: 'Answered 200.', advice: null },
        { name: 'forged', ok: false, detail: 'It accepted it (200).', advice: 'Verify the signature.' },
      ]}
    />,
  );
  const [good, bad] = screen.getAllByRole('listitem');
  expect(good?.textContent).toBe('✓ Signed ping, goodAnswered 200.');
  expect(bad?.textContent).toContain('Forged signature, to be fixed');
  expect(bad?.textContent).toContain('What to do: Verify the signature.');
});

it('lists state, host, what is taken and what waits', () => {
  renderSignedIn(
    client(),
    <SubscriberTable
      subscribers={[
        subscriberView({
          state: 'paused',
          state_reason: 'failing',
          waiting: 10_000,
          oldest_waiting_at: '2026-11-25T12:00:00Z',
          failing_since: '2026-11-20T12:00:00Z',
        }),
      ]}
    />,
  );
  const [, row] = screen.getAllByRole('row');
  for (const words of [
    'paused',
    'its deliveries failed for days',
    'hooks.example.org',
    'every event',
    '10,000 or more waiting',
  ])
    expect(row?.textContent).toContain(words);
  expect(screen.getByRole('link', { name: 'hooks.example.org' }).getAttribute('href')).toBe(
    `/subscribers/${SUBSCRIBER_ID}`,
  );
});

it('says once of each member what another version changes, and in how many events', () => {
  const event = {
    event_id: 'evt_1',
    type: 'report.final.completed',
    report_type: 'org',
    report_id: '00000000-0000-4000-8000-000000000001',
    applied_at: '2026-11-25T12:00:00Z',
    before: '{"data":{"job_id":"job_1"}}',
    after: '{"data":{"job_id":"job_1","position":10000000000000000001}}',
  };
  const changes = [{ path: 'data.position', events: 2, before: null, after: '10000000000000000001' }];
  renderSignedIn(
    client(),
    <VersionResults
      test={{
        from: '2026-11-25',
        to: '2026-12-01',
        changes,
        events: [event, { ...event, event_id: 'evt_2' }],
      }}
    />,
  );
  expect(screen.getByRole('status').textContent).toContain('1 member would change in the last 2 events');
  expect(screen.getByText('data.position').closest('div')?.textContent).toBe(
    'data.position in 2not there → 10000000000000000001',
  );
  // Every digit as it is sent.
  expect(screen.getAllByText(event.after)).toHaveLength(2);
});

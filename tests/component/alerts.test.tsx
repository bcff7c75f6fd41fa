import { cleanup, render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { AlertWatch } from '../../src/console/views/alerts/alert-watch.tsx';
import { NotificationSwitch } from '../../src/console/views/alerts/notification-switch.tsx';
import { rowsBehind } from '../../src/console/views/alerts/rows-behind.ts';
import { Sent } from '../../src/console/views/alerts/sent.tsx';
import { Page } from '../../src/console/ui/page.tsx';
import { FiringAlerts } from '../../src/console/lib/firing-alerts.ts';
import type { AlertDelivery, AlertRow } from '../../src/contracts/console-alerts.ts';
import type { FiringAlert } from '../../src/contracts/console-status.ts';

afterEach(() => {
  cleanup();
  localStorage.clear();
  vi.unstubAllGlobals();
  document.head.innerHTML = '';
});

const AT = '2026-11-26T07:00:00+00:00';
const alert = (change: Partial<AlertRow> = {}): AlertRow => ({
  id: '00000000-0000-4000-8000-000000000001',
  rule: 'dead_letters',
  subject: 'final-report',
  state: 'firing',
  severity: 'warning',
  pending_since: AT,
  fired_at: AT,
  good_since: null,
  resolved_at: null,
  last_value: 1,
  threshold: 1,
  affected: 1,
  facts: {},
  silenced_until: null,
  deliveries: [],
  ...change,
});
const delivery = (change: Partial<AlertDelivery> = {}): AlertDelivery => ({
  transition: 'firing',
  created_at: AT,
  attempts: 1,
  delivered_at: null,
  dead_at: null,
  next_attempt: null,
  error: null,
  host: null,
  ...change,
});
const firing = (number: number, change: Partial<FiringAlert> = {}): FiringAlert => ({
  id: `00000000-0000-4000-8000-00000000000${number}`,
  rule: 'no_sweep',
  subject: '',
  severity: 'critical',
  fired_at: AT,
  ...change,
});

/** A browser's notifications; `answer` is what the person answers when they are asked. */
function stubNotifications(permission: NotificationPermission, answer: NotificationPermission = permission) {
  const shown: { title: string; tag: string | undefined }[] = [];
  const fake = Object.assign(
    vi.fn(function (title: string, options?: NotificationOptions) {
      shown.push({ title, tag: options?.tag });
    }),
    {
      permission,
      requestPermission() {
        fake.permission = answer;
        return Promise.resolve(answer);
      },
    },
  );
  vi.stubGlobal('Notification', fake);
  return shown;
}

it.each<[string, Partial<AlertRow>]>([
  ['Not yet: the alert is sent when it fires.', { state: 'pending' }],
  ['No: the alert is silenced.', { silenced_until: AT }],
  ['No: the next evaluation sends the alert, if ALERT_URLS has an address.', {}],
  ['No: the alert was silenced, or ALERT_URLS had no address.', { state: 'resolved' }],
  ['The beginning is about to be sent.', { deliveries: [delivery({ attempts: 0, next_attempt: AT })] }],
  [
    'The beginning was sent to hooks.example',
    { deliveries: [delivery({ delivered_at: AT, host: 'hooks.example' })] },
  ],
  [
    'The end is not confirmed after 2 attempts',
    { deliveries: [delivery({ transition: 'resolved', attempts: 2, next_attempt: AT })] },
  ],
  [
    'hooks.example was answered 500',
    { deliveries: [delivery({ dead_at: AT, attempts: 290, error: 'hooks.example was answered 500' })] },
  ],
])('says of what was sent: %s', (text, change) => {
  const { container } = render(<Sent alert={alert(change)} />);
  expect(container.textContent).toContain(text);
});

it('leads to the rows that an alert was raised for', () => {
  expect(rowsBehind(alert())?.href).toBe('/deliveries?status=dead&endpoint=final-report');
  expect(rowsBehind(alert({ rule: 'subscriber_paused', subject: 'ep-1' }))?.href).toBe('/subscribers/ep-1');
  expect(rowsBehind(alert({ rule: 'jobs_failing', subject: 'none', resolved_at: AT }))?.href).toBe(
    `/jobs?${new URLSearchParams({
      state: 'failed',
      since: 'between',
      after: '2026-11-26T06:55:00.000Z',
      before: '2026-11-26T07:00:00.000Z',
    }).toString()}`,
  );
  expect(rowsBehind(alert({ rule: 'jobs_failing', subject: 'final' }))?.href).toContain('stage=final');
  expect(rowsBehind(alert({ rule: 'subscriber_paused', subject: 'ep-0123456789abcdef' }))?.href).toBe(
    '/subscribers/ep-0123456789abcdef',
  );
  expect(rowsBehind(alert({ rule: 'secret_age' }))).toBeNull();
});

it('counts what fires in the title of every view', () => {
  render(
    <FiringAlerts value={[firing(1), firing(2)]}>
      <Page title="Jobs">…</Page>
    </FiringAlerts>,
  );
  expect(document.title).toBe('(2) Jobs · Polaris reports');
});

it('asks only when it is pressed, and remembers the answer', async () => {
  stubNotifications('default', 'granted');
  const { unmount } = render(<NotificationSwitch />);
  await userEvent.click(screen.getByRole('button', { name: 'Notify me in this browser' }));
  expect(await screen.findByText(/This browser notifies you/)).toBeTruthy();
  unmount();
  render(<NotificationSwitch />);
  await userEvent.click(screen.getByRole('button', { name: 'Stop' }));
  expect(screen.getByRole('button', { name: 'Notify me in this browser' })).toBeTruthy();
});

it('says what to do when the browser refuses', async () => {
  stubNotifications('default', 'denied');
  render(<NotificationSwitch />);
  await userEvent.click(screen.getByRole('button', { name: 'Notify me in this browser' }));
  expect(await screen.findByText(/blocks notifications of this site\. Allow them/)).toBeTruthy();
  expect(screen.queryByRole('button')).toBeNull();
});

it('says that a browser has no notifications', () => {
  render(<NotificationSwitch />);
  expect(screen.getByText('This browser does not support notifications.')).toBeTruthy();
});

it('notifies of each alert that begins to fire, once, and only where that was asked for', () => {
  const shown = stubNotifications('granted');
  const { rerender } = render(<AlertWatch firing={[firing(1)]} />);
  rerender(<AlertWatch firing={[firing(1), firing(2)]} />);
  expect(shown).toEqual([]);
  localStorage.setItem('polaris-alert-notifications', 'on');
  rerender(<AlertWatch firing={[firing(2), firing(3, { rule: 'latency', subject: 'final-report' })]} />);
  rerender(<AlertWatch firing={[firing(3)]} />);
  rerender(<AlertWatch firing={[]} />);
  rerender(<AlertWatch firing={[firing(2), firing(3)]} />);
  expect(shown).toEqual([{ title: 'Critical: Deliveries are slow: final-report', tag: firing(3).id }]);
});

it('turns itself off for good where the browser has notifications but cannot show one', () => {
  // Chrome for Android.
  const fake = vi.fn(function () {
    throw new TypeError("Failed to construct 'Notification': Illegal constructor.");
  });
  vi.stubGlobal('Notification', Object.assign(fake, { permission: 'granted' }));
  localStorage.setItem('polaris-alert-notifications', 'on');
  const view = (alerts: FiringAlert[]) => (
    <>
      <AlertWatch firing={alerts} />
      <NotificationSwitch />
    </>
  );
  const { rerender } = render(view([]));
  expect(screen.getByText(/^This browser notifies you/)).toBeTruthy();
  rerender(view([firing(1), firing(2)]));
  expect(fake).toHaveBeenCalled();
  expect(screen.getByText('This browser does not support notifications.')).toBeTruthy();
  fake.mockClear();
  rerender(view([firing(3)]));
  expect(fake).not.toHaveBeenCalled();
});

it('marks the icon of the tab while something fires', () => {
  document.head.innerHTML = '<link rel="icon" href="/icon.svg">';
  const icon = () => document.querySelector('link')?.getAttribute('href');
  const { rerender, unmount } = render(<AlertWatch firing={[firing(1)]} />);
  expect(icon()).toBe('/icon-alert.svg');
  rerender(<AlertWatch firing={[]} />);
  expect(icon()).toBe('/icon.svg');
  rerender(<AlertWatch firing={[firing(1)]} />);
  unmount();
  expect(icon()).toBe('/icon.svg');
});

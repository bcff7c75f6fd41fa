import type { Page } from '@playwright/test';
import type postgres from 'postgres';
import { addFailure, clearDeliveries } from './support/outage.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

const NAME = 'New dead letters: prelim-report';
const card = (page: Page) => page.getByRole('article', { name: NAME });
const views = (page: Page) => page.getByRole('navigation', { name: 'Views' });
const messages = (page: Page) => page.getByRole('region', { name: 'Messages' });
const icon = (page: Page) => page.locator('link[rel="icon"]');

const evaluate = (sql: postgres.Sql) => sql`select public.evaluate_alerts(p_notify => false)`;

// What other tests have broken fires too: here only dead letters are watched.
test.beforeEach(async ({ sql }) => {
  await clearDeliveries(sql);
  await sql`update private.alert_rules set enabled = rule = 'dead_letters' where true`;
  await sql`delete from public.alerts where true`;
  await sql`delete from public.alert_silences where true`;
});
test.afterEach(async ({ sql }) => {
  await clearDeliveries(sql);
  await sql`update private.alert_rules set enabled = true where true`;
  await sql`delete from public.alerts where true`;
  await sql`delete from public.alert_silences where true`;
});

test('an alert fires, is silenced, and its silence is ended', async ({ page, dev, sql }) => {
  await evaluate(sql);
  await signIn(page, dev, 'operator', '/alerts');
  await expect(page.getByText('No alert is firing')).toBeVisible();
  await expect(page.getByText('The rules were last evaluated').first()).toBeVisible();
  await expect(page).toHaveTitle('Alerts · Polaris reports');
  await inspect(page, 'alerts-none');

  await addFailure(sql, dev.user.id, { isDead: true });
  await evaluate(sql);
  await expect(card(page)).toContainText('1 new dead letter waits for an operator.');
  await expect(card(page)).toContainText('To do: Fix the cause, then redrive them');
  await expect(views(page).getByRole('link', { name: 'Alerts 1 firing' })).toBeVisible();
  await expect(page).toHaveTitle('(1) Alerts · Polaris reports');
  await expect(icon(page)).toHaveAttribute('href', '/icon-alert.svg');
  await inspect(page, 'alerts-firing');

  await card(page).getByRole('button', { name: 'Silence' }).click();
  const dialog = page.getByRole('alertdialog');
  await dialog.getByRole('button', { name: 'Silence for 1 hour' }).click();
  await expect(dialog.getByText('Give a reason')).toBeVisible();
  await dialog.getByRole('radio', { name: '8 hours' }).check();
  await dialog.getByLabel('Reason').fill('The endpoint is being moved');
  await inspect(page, 'alerts-silence');
  await dialog.getByRole('button', { name: 'Silence for 8 hours' }).click();
  await expect(messages(page).getByText('Silenced for 8 hours')).toBeVisible();
  await expect(card(page)).toContainText('silenced, the silence ends');
  await expect(page.getByText('No alert is firing')).toBeVisible();
  await expect(page).toHaveTitle('Alerts · Polaris reports');
  await expect(icon(page)).toHaveAttribute('href', '/icon.svg');
  const silences = page.getByRole('list', { name: 'Silences' });
  await expect(silences).toContainText('The endpoint is being moved');
  await expect(silences).toContainText(`by ${dev.operator.email}`);
  await inspect(page, 'alerts-silenced');

  await silences.getByRole('button', { name: `End silence: ${NAME}` }).click();
  await expect(messages(page).getByText('The silence has ended')).toBeVisible();
  await expect(silences).toHaveCount(0);
  await expect(page).toHaveTitle('(1) Alerts · Polaris reports');
});

test('a link to an alert opens it, and leads to the rows behind it', async ({ page, dev, sql }) => {
  const failed = await addFailure(sql, dev.user.id, { isDead: true });
  await evaluate(sql);
  const [alert] = await sql`select id from public.alerts where rule = 'dead_letters'`;
  await signIn(page, dev, 'operator', `/alerts?alert=${String(alert?.['id'])}`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Alert');
  await expect(card(page)).toContainText('No: the next evaluation sends the alert');
  await expect(card(page).getByRole('link', { name: failed.eventId })).toBeVisible();
  await inspect(page, 'alert');
  for (const [name, media] of [
    ['forced', { forcedColors: 'active' }],
    ['print', { media: 'print' }],
  ] as const) {
    await page.emulateMedia(media);
    await page.screenshot({ path: `test-results/screenshots/alert-${name}.png` });
  }
  await page.emulateMedia({ forcedColors: 'none', media: 'screen' });
  await card(page).getByRole('link', { name: 'Dead letters' }).click();
  await expect(page).toHaveURL(/deliveries\?status=dead&endpoint=prelim-report/);
  await expect(page.getByText('answered 502').first()).toBeVisible();

  // The cause is fixed: the alert resolves, and its link still opens it.
  await sql`update public.webhook_deliveries set status = 'success', last_attempt = now() - interval '2 days', dead_at = null, dead_reason = null where event_id = ${failed.eventId}`;
  await evaluate(sql);
  await sql`update public.alerts set good_since = good_since - interval '2 minutes' where true`;
  await evaluate(sql);
  await page.goto(new URL(`/alerts?alert=${String(alert?.['id'])}`, dev.url).href);
  await expect(card(page)).toContainText('Nothing was lost');
  await expect(card(page)).toContainText('resolved');
  await page.getByRole('link', { name: 'All alerts' }).click();
  await expect(page.getByRole('list', { name: 'Resolved' })).toContainText(NAME);
});

test('the status line of every view leads to the alerts', async ({ page, dev, sql }) => {
  await addFailure(sql, dev.user.id, { isDead: true });
  await evaluate(sql);
  await signIn(page, dev, 'operator', '/jobs');
  const line = page.getByRole('region', { name: 'State of the system' });
  await line.getByRole('link', { name: /Open the alerts|alert is firing/ }).click();
  await expect(page).toHaveURL(/\/alerts$/);
});

test('a browser notifies of an alert that begins to fire, where it was asked to', async ({
  page,
  dev,
  sql,
  context,
}) => {
  await context.grantPermissions(['notifications']);
  await page.addInitScript(() => {
    const shown: string[] = [];
    Object.assign(window, { shown });
    const Real = window.Notification;
    window.Notification = class extends Real {
      constructor(title: string, options?: NotificationOptions) {
        super(title, options);
        shown.push(title);
      }
    };
  });
  const shown = () => page.evaluate(() => (window as unknown as { shown: string[] }).shown);
  await evaluate(sql);
  await signIn(page, dev, 'operator', '/alerts');
  await page.getByRole('button', { name: 'Notify me in this browser' }).click();
  await expect(page.getByText('This browser notifies you')).toBeVisible();
  await page.reload();
  await expect(page.getByText('This browser notifies you')).toBeVisible();
  await expect(page.getByText('No alert is firing')).toBeVisible();
  await addFailure(sql, dev.user.id, { isDead: true });
  await evaluate(sql);
  await expect.poll(shown).toEqual([`Warning: ${NAME}`]);
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByRole('button', { name: 'Notify me in this browser' })).toBeVisible();
});

test('a browser that refuses notifications says what to do', async ({ page, dev }) => {
  await page.addInitScript(() => {
    Object.defineProperty(Notification, 'permission', { get: () => 'denied' });
  });
  await signIn(page, dev, 'operator', '/alerts');
  await expect(page.getByText('This browser blocks notifications of this site.')).toBeVisible();
});

test('alerts are for operators', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/alerts');
  await expect(page.getByText('Alerts is for operators')).toBeVisible();
});

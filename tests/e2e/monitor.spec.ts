import { addFailure, clearDeliveries, openCircuit } from './support/outage.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

test.afterEach(({ sql }) => clearDeliveries(sql));

test('an outage shows: limits marked, dead letters, the open circuit, and by itself when more comes', async ({
  page,
  dev,
  sql,
}) => {
  for (let count = 0; count < 6; count += 1)
    await addFailure(sql, dev.user.id, { isDead: count < 2, reportType: count % 2 ? 'org' : 'greeting' });
  await openCircuit(sql, 'prelim-report');
  await signIn(page, dev, 'operator', '/monitor');

  const figures = page.getByRole('list', { name: 'Figures' }).getByRole('listitem');
  await expect(figures.filter({ hasText: 'Dead letters' })).toContainText('2');
  await expect(figures.filter({ hasText: 'Queue' })).toContainText(/4.*limit 100/);
  const success = figures.filter({ hasText: 'Success rate' });
  await expect(success).toContainText('under 95 %');
  await expect(success).toHaveAttribute('data-crossed', 'true');
  const circuits = page.getByRole('region', { name: 'Circuits' }).getByRole('listitem');
  await expect(circuits.filter({ hasText: 'prelim-report' })).toContainText(/open.*next probe in/);
  await expect(circuits.filter({ hasText: 'final-report' })).toContainText('closed');
  const types = page.getByRole('region', { name: 'By report type', exact: true });
  const greeting = types.getByRole('row', { name: /Greeting/ }).getByRole('cell');
  await expect(greeting.nth(-2)).toHaveText('2');
  await expect(greeting.nth(-1)).toHaveText('1');

  // The charts, and the limit in them.
  for (const name of ['Success rate', 'Latency', 'Volume'])
    await expect(page.getByRole('region', { name, exact: true }).locator('svg').first()).toBeVisible();
  await expect(page.getByText('95 %', { exact: true }).first()).toBeVisible();
  await inspect(page, 'monitor');

  // By keyboard: into the chart, along it, and the figures of that time show.
  await page.getByRole('region', { name: 'Volume', exact: true }).locator('svg[tabindex="0"]').focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByText('succeeded').last()).toBeVisible();

  for (let count = 0; count < 100; count += 1) await addFailure(sql, dev.user.id);
  const queue = figures.filter({ hasText: 'Queue' });
  await expect(queue).toContainText('over 100', { timeout: 20_000 });
  await expect(queue).toHaveAttribute('data-crossed', 'true');
});

test('windows and sides are in the address, and lead to what they count', async ({ page, dev, sql }) => {
  await addFailure(sql, dev.user.id, { isDead: true });
  await signIn(page, dev, 'operator', '/monitor');
  for (const window of ['Day', 'Week', 'Hour']) {
    await page.getByRole('radio', { name: window }).check();
    await expect(page).toHaveURL(new RegExp(`window=${window.toLowerCase()}`));
    await expect(page.getByRole('list', { name: 'Figures' })).toBeVisible();
  }
  await page.getByRole('radio', { name: 'Received' }).check();
  await expect(page.getByText('Success rate of requests')).toBeVisible();
  await page.reload();
  await expect(page.getByText('Success rate of requests')).toBeVisible();
  await page.getByRole('link', { name: 'Open dead letters' }).click();
  await expect(page).toHaveURL(/\/deliveries\?status=dead/);
  await expect(page.getByRole('table', { name: 'Deliveries' }).getByRole('row')).toHaveCount(2);
});

test('a pause holds the refreshing, and says so; a hidden tab asks for nothing', async ({ page, dev }) => {
  let asked = 0;
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().includes('/rpc/webhook_statistics')) asked += 1;
  });
  await signIn(page, dev, 'operator', '/monitor');
  await expect(page.getByRole('list', { name: 'Figures' })).toBeVisible();
  await expect.poll(() => asked, { timeout: 20_000 }).toBeGreaterThan(2);

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByText(/Paused\. Updated/)).toBeVisible();
  let before = asked;
  await page.waitForTimeout(7_000);
  expect(asked - before).toBeLessThanOrEqual(1);
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect.poll(() => asked, { timeout: 20_000 }).toBeGreaterThan(before + 1);

  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  // What was under way may still be counted.
  await page.waitForTimeout(500);
  before = asked;
  await page.waitForTimeout(7_000);
  expect(asked).toBe(before);
});

test('a monitor that cannot refresh keeps what it has, and says what to do', async ({
  page,
  dev,
  context,
  complaints,
}) => {
  await signIn(page, dev, 'operator', '/monitor');
  const figures = page.getByRole('list', { name: 'Figures' });
  await expect(figures).toBeVisible();
  await context.route('**/rpc/webhook_statistics', (route) => route.abort());
  await page.getByRole('button', { name: 'Refresh', exact: true }).click();
  await expect(page.getByRole('alert').filter({ hasText: 'cannot be reached' })).toBeVisible({
    timeout: 30_000,
  });
  await expect(figures).toBeVisible();
  await context.unroute('**/rpc/webhook_statistics');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('alert').filter({ hasText: 'cannot be reached' })).toHaveCount(0);
  expect(complaints.splice(0).filter((text) => !/ERR_FAILED/.test(text))).toEqual([]);
});

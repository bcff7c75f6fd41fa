import type { Page } from '@playwright/test';
import { addFailure, clearDeliveries } from './support/outage.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

test.afterEach(({ sql }) => clearDeliveries(sql));

const rows = (page: Page) => page.getByRole('table', { name: 'Audit log' }).locator('tbody').getByRole('row');
const details = (page: Page) => page.getByRole('region', { name: 'Details' });

test('an event is followed from its failed delivery through the log, by a link that others can open', async ({
  page,
  dev,
  sql,
  browser,
}) => {
  const { eventId, jobId } = await addFailure(sql, dev.user.id, { isDead: true, stage: 'final' });
  await signIn(page, dev, 'operator', '/deliveries?status=dead');
  await page.getByRole('button', { name: /^Retry Org/ }).click();
  await expect(page.getByText('No delivery matches')).toBeVisible();

  await page.goto(new URL(`/audit?search=${jobId}`, dev.url).href);
  // Our failed attempt, the one of the retry, and the request that it was.
  await expect(rows(page)).toHaveCount(3);
  await rows(page).filter({ hasText: 'answered 502' }).getByRole('link').click();
  await expect(details(page)).toBeFocused();
  await expect(details(page).getByRole('region', { name: 'Attempt' })).toContainText('answered 502');
  await expect(details(page).getByRole('region', { name: 'Answer', exact: true })).toContainText(
    'Bad gateway',
  );

  const timeline = details(page).getByRole('list', { name: 'Timeline' });
  for (const step of [
    'Job requested',
    'Event committed',
    'Job succeeded',
    'Applied by direct update, the fallback',
    'The owner was notified.',
    'Request received: duplicate',
    'Retried',
  ])
    await expect(timeline).toContainText(step);
  await expect(timeline.getByRole('link', { name: 'Attempt 1: failed' })).toHaveAttribute(
    'aria-current',
    'true',
  );
  await inspect(page, 'audit-event');

  await timeline.getByRole('link', { name: 'Request received: duplicate' }).click();
  await expect(details(page).getByRole('region', { name: 'Request', exact: true })).toContainText(
    'duplicate',
  );
  const address = page.url();
  expect(address).toContain(`search=${jobId}`);
  expect(address).toContain(`event=${eventId}`);

  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const other = await context.newPage();
  await signIn(other, dev, 'operator', address.slice(dev.url.length));
  await expect(details(other).getByRole('region', { name: 'Request', exact: true })).toContainText(
    'duplicate',
  );
  await expect(rows(other)).toHaveCount(3);
  await other.getByRole('button', { name: 'Copy link' }).click();
  await expect(other.getByText('Link copied')).toBeVisible();
  expect(await other.evaluate(() => navigator.clipboard.readText())).toBe(address);
  await context.close();

  await page.keyboard.press('Escape');
  await expect(details(page)).toHaveCount(0);
  await expect(rows(page).getByRole('link').and(page.locator(':focus'))).toHaveCount(1);
});

test('searches and filters narrow the log, and are in the address', async ({ page, dev, sql }) => {
  const { eventId, reportId, jobId } = await addFailure(sql, dev.user.id);
  await fetch(`${dev.url}/api/webhooks/prelim-report`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  await signIn(page, dev, 'operator', '/audit');
  await expect(rows(page).first()).toBeVisible();
  await inspect(page, 'audit');
  for (const id of [eventId, reportId, jobId]) {
    await page.getByLabel('Report, job, event or subscriber id').fill(` ${id} `);
    await expect(page).toHaveURL(new RegExp(id));
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page).getByTitle(eventId)).toBeVisible();
  }
  await page.getByLabel('Direction').selectOption('in');
  await expect(page.getByText('No entry matches')).toBeVisible();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByLabel('Outcome').selectOption('missing_signature');
  await page.getByLabel('Answer').fill('401');
  await expect(rows(page).first()).toContainText('missing signature');
  await page.getByLabel('When').selectOption('hour');
  await expect(page).toHaveURL(/outcome=missing_signature&answer=401&since=hour/);
  await page.reload();
  await expect(page.getByLabel('Outcome')).toHaveValue('missing_signature');
  await expect(rows(page).first()).toContainText('not verified');
  await page.getByLabel('Answer').fill('none');
  await expect(page.getByText('No entry matches')).toBeVisible();
});

test('a link that was cut or made by hand still opens the log', async ({ page, dev }) => {
  await signIn(page, dev, 'operator', '/audit?row=zzz&event=a.b&answer=9&since=ever&direction=up');
  await expect(page.getByRole('heading', { name: 'Audit log' })).toBeVisible();
  await expect(details(page)).toHaveCount(0);
  await page.goto(new URL('/audit?row=00000000-0000-4000-8000-000000000000&event=evt_nobody', dev.url).href);
  await expect(details(page).getByText('The requested item does not exist')).toHaveCount(2);
});

test('hostile content is text in the log, its details and its timeline', async ({ page, dev, sql }) => {
  const markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  const { eventId } = await addFailure(sql, dev.user.id, {
    error: `${markup}\u202e${'z'.repeat(3000)}`,
    response: `${markup}\u202e${'y'.repeat(3000)}`,
  });
  await signIn(page, dev, 'operator', `/audit?search=${eventId}&event=${eventId}`);
  await rows(page).getByRole('link').first().click();
  await expect(details(page).getByRole('region', { name: 'Answer', exact: true })).toContainText(
    '\\u{202e}yyy',
  );
  await expect(details(page).locator('img, script')).toHaveCount(0);
  await expect(page).toHaveTitle(/^(\(\d+\) )?Audit log · Polaris reports$/);
  await inspect(page, 'audit-hostile');
});

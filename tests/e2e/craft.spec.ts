import { randomUUID } from 'node:crypto';
import type { Page } from '@playwright/test';
import { storeClient } from '../support/store.ts';
import { addFailure, clearDeliveries } from './support/outage.ts';
import { expect, signIn, test, WIDTHS } from './support/test.ts';

test.afterEach(({ sql }) => clearDeliveries(sql));

const LEAST_PX = 24;

/** Controls that are too small for a finger, with their size. A control inside of a label has the label's size. */
function smallTargets(page: Page, least: number): Promise<string[]> {
  return page.evaluate((leastPx) => {
    const pressed = 'a[href], button, select, textarea, summary, input:not([type="hidden"]), [role="option"]';
    return [...document.querySelectorAll<HTMLElement>(pressed)].flatMap((element) => {
      const target = element.closest('label') ?? element;
      // Of a link over several lines each line is a target.
      const boxes = [...target.getClientRects()];
      const isHidden =
        boxes.length === 0 ||
        !element.checkVisibility({ visibilityProperty: true }) ||
        element.closest('.visually-hidden, [aria-hidden="true"]') !== null ||
        // Shown only while it has the focus.
        getComputedStyle(element).clipPath !== 'none';
      const { width, height } = target.getBoundingClientRect();
      if (isHidden || (width >= leastPx && height >= leastPx)) return [];
      const name = element.getAttribute('aria-label') ?? element.textContent.trim().slice(0, 40);
      return [`${element.tagName.toLowerCase()} “${name}”: ${Math.round(width)} × ${Math.round(height)}`];
    });
  }, least);
}

/** Links and buttons whose text runs out of them, and over their neighbours. */
async function crowdedTargets(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('a, button')].flatMap((element) => {
      // An inline element has no width of its own, and runs on in the next line.
      const isCrowded = element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
      const isCut = getComputedStyle(element).overflowX !== 'visible';
      return isCrowded && !isCut ? [`“${element.textContent.trim().slice(0, 40)}” runs out`] : [];
    }),
  );
}

test('on a phone, whatever can be pressed is at least 24 px wide and high, and has room for its text', async ({
  page,
  dev,
  sql,
}) => {
  const { eventId, reportId, jobId } = await addFailure(sql, dev.user.id, { isDead: true, stage: 'final' });
  await addFailure(sql, dev.user.id);
  await storeClient(sql).request(reportId, { stage: 'final', generate: false });
  await sql`
    insert into public.plans (request_id, kind, name, reason, filter, actor, total, next_slice_at)
    values (gen_random_uuid(), 'retry', 'Retry: later', 'a try', '{}', ${dev.operator.id}, 9, now() + interval '1 hour')`;
  await page.setViewportSize(WIDTHS.phone);
  await signIn(page, dev, 'operator', '/monitor');
  const views: [string, string | RegExp][] = [
    ['/monitor', 'Circuits'],
    ['/deliveries?status=dead&since=day', 'Show'],
    ['/deliveries', 'Plans'],
    ['/jobs?type=org', 'All jobs'],
    ['/reports?type=org', 'Newest first'],
    [`/audit?search=${jobId}&event=${eventId}`, 'Details'],
    ['/audit?direction=in', 'Newest first'],
    [`/debug?report_type=org&report_id=${reportId}`, 'Org report'],
    ['/debug', 'New report'],
    ['/notifications', 'Newest first'],
    ['/erasure', 'Erasure'],
    ['/subscribers', 'Subscribers'],
    ['/subscribers/new', 'Settings'],
    ['/replays', 'Proposed and applied'],
    ['/nothing-here', 'Page not found'],
  ];
  const found: string[] = [];
  for (const [path] of views) {
    await page.goto(new URL(path, dev.url).href);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(page.getByText(/^Loading/)).toHaveCount(0);
    const small = await smallTargets(page, LEAST_PX);
    found.push(...[...small, ...(await crowdedTargets(page))].map((each) => `${path}: ${each}`));
  }
  await page.getByRole('button', { name: 'Menu' }).click();
  found.push(...(await smallTargets(page, LEAST_PX)).map((each) => `menu: ${each}`));
  expect([...new Set(found)]).toEqual([]);
});

test('lists are gone through by keys alone, and Esc adds nothing to the history', async ({
  page,
  dev,
  sql,
}) => {
  for (let count = 0; count < 3; count += 1) await addFailure(sql, dev.user.id, { isDead: true });
  await signIn(page, dev, 'operator', '/deliveries?status=dead');
  const rows = page.getByRole('table', { name: 'Deliveries' }).locator('tbody').getByRole('row');
  await expect(rows).toHaveCount(3);
  await rows.first().focus();
  await page.keyboard.press('ArrowDown');
  await expect(rows.nth(1)).toBeFocused();
  await page.keyboard.press('Space');
  await page.keyboard.press('End');
  await page.keyboard.press('Space');
  await expect(page.getByText('2 selected')).toBeVisible();
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Failed deliveries' })).toHaveCount(0);

  await page.goto(new URL('/audit?direction=out', dev.url).href);
  const log = page.getByRole('table', { name: 'Audit log' }).locator('tbody').getByRole('row');
  await log.first().focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  const details = page.getByRole('region', { name: 'Details' });
  await expect(details).toBeFocused();
  const entries = await page.evaluate(() => history.length);
  await page.keyboard.press('Escape');
  await expect(details).toHaveCount(0);
  expect(await page.evaluate(() => history.length)).toBe(entries);
  await expect(page).toHaveURL(/\/audit\?direction=out$/);
  // From the row too.
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await expect(details).toBeFocused();
  await log.nth(1).focus();
  await page.keyboard.press('Escape');
  await expect(details).toHaveCount(0);
});

test('on a tablet nothing lies over its neighbour, forced colours mark what is current, and paper has exact times', async ({
  page,
  dev,
  sql,
}) => {
  const { reportId } = await addFailure(sql, dev.user.id, { isDead: true });
  await page.setViewportSize({ width: 768, height: 1000 });
  await signIn(page, dev, 'operator', '/audit');
  const views = [
    ['/audit', page.getByRole('table', { name: 'Audit log' }).getByRole('cell')],
    ['/jobs', page.getByRole('table', { name: 'Jobs' }).getByRole('cell')],
    [`/trace?id=${reportId}`, page.getByRole('list', { name: 'Steps' }).getByRole('link')],
  ] as const;
  for (const [path, parts] of views) {
    await page.goto(new URL(path, dev.url).href);
    await expect(parts.first()).toBeVisible();
    const crushed = await parts.evaluateAll((elements) =>
      elements
        // Of a link over several lines each line counts.
        .filter(({ scrollWidth, clientWidth, tagName }) => tagName !== 'A' && scrollWidth > clientWidth + 1)
        .concat(elements.filter((element) => element.tagName === 'A' && element.getClientRects().length > 2))
        .map(({ textContent }) => textContent),
    );
    expect(crushed, path).toEqual([]);
  }

  await page.goto(new URL('/jobs', dev.url).href);
  await page.emulateMedia({ forcedColors: 'active' });
  const state = (name: string) =>
    page.getByRole('navigation', { name: 'States' }).getByRole('link', { name });
  const under = (name: string) => state(name).evaluate((link) => getComputedStyle(link).borderBottomColor);
  await expect(state('All')).toBeVisible();
  expect(await under('All')).not.toBe(await under('Failed'));

  await page.emulateMedia({ forcedColors: 'none', media: 'print' });
  const time = page.getByRole('table', { name: 'Jobs' }).locator('time').first();
  await expect(time.locator('span')).toBeHidden();
  const [written, exact] = await time.evaluate((element) => [
    getComputedStyle(element, '::after').content,
    element.getAttribute('title') ?? '',
  ]);
  expect(written).toBe(`"${exact}"`);
});

test("an owner's notifications and newest jobs are gone through by keys too", async ({ page, dev, sql }) => {
  for (const name of ['One', 'Two']) {
    const reportId = randomUUID();
    await sql`
      insert into public.org_reports (id, user_id, user_data)
      values (${reportId}, ${dev.user.id}, ${sql.json({ organisation_name: name, industry: 'Shipping' })})`;
    const store = storeClient(sql);
    const { run } = await store.request(reportId, { stage: 'final' });
    const { delivery } = await store.complete(run.job_id, run.lease_token, '# A result');
    await store.apply(delivery?.event_id ?? '');
  }
  await signIn(page, dev, 'user', '/notifications');
  for (const path of ['/notifications', '/reports']) {
    await page.goto(new URL(path, dev.url).href);
    const panel = page.getByRole('region', { name: path === '/reports' ? 'Newest jobs' : 'Newest first' });
    const rows = panel.locator('[data-row]');
    await expect(rows.nth(1)).toBeVisible();
    await rows.first().focus();
    await page.keyboard.press('ArrowDown');
    await expect(rows.nth(1)).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/report\?/);
  }
});

test.describe('far from Greenwich', () => {
  test.use({ timezoneId: 'Asia/Kolkata' });

  test('times are local or UTC, remembered on this device, and say which they are', async ({
    page,
    dev,
    sql,
  }) => {
    const { eventId } = await addFailure(sql, dev.user.id);
    await signIn(page, dev, 'operator', `/audit?event=${eventId}`);
    const timeline = page.getByRole('list', { name: 'Timeline' });
    await expect(timeline).toContainText(/GMT\+5:30|IST/);
    await page.getByRole('radio', { name: 'UTC' }).check();
    await expect(timeline).toContainText(/\d UTC/);
    await expect(timeline).not.toContainText(/GMT\+5:30|IST/);
    await page.reload();
    await expect(timeline).toContainText(/\d UTC/);

    // The axes of the charts say it too.
    await page.goto(new URL('/monitor', dev.url).href);
    const volume = page.getByRole('region', { name: 'Volume', exact: true });
    await expect(volume.getByText('UTC', { exact: true })).toBeVisible();
    await page.getByRole('radio', { name: 'Local' }).check();
    await expect(volume.getByText('local time', { exact: true })).toBeVisible();
    await page.getByRole('radio', { name: 'UTC' }).check();
    await page.goto(new URL(`/audit?event=${eventId}`, dev.url).href);

    // A typed time is of that zone, and the chip says so.
    await page.getByLabel('When', { exact: true }).selectOption('between');
    await page.getByLabel('From', { exact: true }).fill('2026-01-02T03:04');
    await page.getByLabel('From', { exact: true }).press('Enter');
    await expect(page).toHaveURL(/after=2026-01-02T03%3A04%3A00.000Z/);
    const chips = page.getByRole('list', { name: 'Filters in effect' });
    await expect(chips).toContainText(/from 2 Jan 2026, 03:04 \(UTC\)/);
    await chips.getByRole('button', { name: /When/ }).click();
    await expect(page).not.toHaveURL(/after|since/);
  });
});

test('each filter in effect is a chip that a press removes', async ({ page, dev, sql }) => {
  await addFailure(sql, dev.user.id, { isDead: true });
  const owner = randomUUID();
  await sql`insert into auth.users (id, email) values (${owner}, ${`${owner.slice(0, 8)}@example.com`})`;
  await signIn(page, dev, 'operator', '/monitor');
  const chips = page.getByRole('list', { name: 'Filters in effect' }).getByRole('listitem');
  for (const [path, words] of [
    [
      '/deliveries?status=dead&type=org&stage=prelim&reason=attempts_exhausted&error=502&cause=answered+502&answer=502&endpoint=prelim-report&since=day',
      [
        'Status',
        'Report type',
        'Stage',
        'Reason',
        'Error contains',
        'Cause',
        'Answer',
        'Endpoint',
        'Dead since',
      ],
    ],
    [
      '/audit?search=evt_1&direction=out&outcome=failed&answer=502&actor=cron&since=hour',
      ['Id', 'Direction', 'Outcome', 'Answer', 'Who', 'When'],
    ],
    [`/jobs?type=org&stage=final&owner=${owner}&since=week`, ['Report type', 'Stage', 'Owner', 'Requested']],
    [`/reports?state=missing&type=org&owner=${owner}`, ['State', 'Report type', 'Owner']],
  ] as const) {
    await page.goto(new URL(path, dev.url).href);
    await expect(chips).toHaveCount(words.length);
    for (const [index, word] of words.entries()) await expect(chips.nth(index)).toContainText(word);
    // From the last on: without its status, a filter of dead letters has no reason.
    for (let left = words.length - 1; left >= 0; left -= 1) {
      await chips.nth(left).getByRole('button').click();
      await expect(chips).toHaveCount(left);
    }
    expect(new URL(page.url()).search).toBe('');
  }
});

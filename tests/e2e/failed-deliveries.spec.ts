import type { Page } from '@playwright/test';
import type { Sql } from 'postgres';
import { Actions } from './support/actions.ts';
import { addFailure, clearDeliveries, statusOf } from './support/outage.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

test.afterEach(({ sql }) => clearDeliveries(sql));

const rows = (page: Page) =>
  page.getByRole('table', { name: 'Deliveries' }).locator('tbody').getByRole('row');
/** It waits for a slot that is an hour away. */
const later = (sql: Sql, eventId: string) => sql`
  update public.webhook_deliveries set next_attempt = now() + interval '1 hour' where event_id = ${eventId}`;
const isDue = async (sql: Sql, eventId: string) => {
  const [row] = await sql`
    select status = 'success' or next_attempt <= now() as is_due from public.webhook_deliveries where event_id = ${eventId}`;
  return row?.['is_due'] as boolean;
};
const messages = (page: Page) => page.getByRole('region', { name: 'Messages' });

test('without a failure there is nothing to do', async ({ page, dev }) => {
  await signIn(page, dev, 'operator', '/deliveries');
  await expect(page.getByText('Nothing has failed')).toBeVisible();
  await inspect(page, 'deliveries-none');
});

test('one is retried, the selected are retried, and all dead letters are redriven', async ({
  page,
  dev,
  sql,
}) => {
  const failed = [];
  const dead = [];
  for (let count = 0; count < 3; count += 1) failed.push(await addFailure(sql, dev.user.id));
  for (let count = 0; count < 4; count += 1)
    dead.push(await addFailure(sql, dev.user.id, { isDead: true, stage: 'final', reportType: 'greeting' }));
  await signIn(page, dev, 'operator', '/deliveries');
  await expect(rows(page)).toHaveCount(7);
  await inspect(page, 'deliveries');

  // One: no question, an outcome.
  const [first, ...others] = failed;
  const row = rows(page).filter({ has: page.getByTitle(first?.eventId ?? '') });
  await expect(row).toContainText('due in');
  await row.getByRole('button', { name: /^Retry/ }).click();
  await expect(messages(page).getByText(/: delivered/)).toBeVisible();
  await expect(row).toHaveCount(0);
  expect(await statusOf(sql, first?.eventId ?? '')).toEqual({ status: 'success', dead: false });

  // Some: a plan, whose question says how many.
  for (const { eventId } of others) await later(sql, eventId);
  for (const { reportId } of others)
    await page.getByRole('checkbox', { name: new RegExp(reportId.slice(0, 8)) }).check();
  await expect(page.getByText('2 selected')).toBeVisible();
  await page.getByRole('button', { name: 'Retry 2', exact: true }).click();
  const dialog = page.getByRole('alertdialog');
  await expect(dialog.getByRole('heading')).toHaveText('Retry 2 deliveries?');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
  expect(await isDue(sql, others[0]?.eventId ?? '')).toBe(false);
  await page.getByRole('button', { name: 'Retry 2', exact: true }).click();
  await dialog.getByLabel('Reason').fill('Asked by the owners');
  await dialog.getByRole('button', { name: 'Retry 2 deliveries' }).click();
  const plan = page.getByRole('list', { name: 'Plans' }).getByRole('listitem').first();
  await expect(plan).toContainText('2 of 2 made due');
  for (const { eventId } of others) expect(await isDue(sql, eventId)).toBe(true);

  // All dead letters: requested once, with a reason, and done even with the page closed.
  await page.getByLabel('Status').selectOption('dead');
  await page.getByRole('button', { name: 'Redrive all 4' }).click();
  await dialog.getByRole('button', { name: 'Redrive 4 deliveries' }).click();
  await expect(dialog.getByText('Give a reason')).toBeVisible();
  await inspect(page, 'deliveries-redrive');
  await dialog.getByLabel('Reason').fill('The gateway is back');
  await dialog.getByRole('button', { name: 'Redrive 4 deliveries' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(plan).toContainText('4 of 4 redriven');
  await expect(plan).toContainText('The gateway is back');
  await expect(page.getByText('No delivery matches')).toBeVisible();
  const audited = await sql`
    select distinct actor from public.webhook_audit
    where outcome = 'redriven' and event_id = any(${dead.map(({ eventId }) => eventId)})`;
  expect(audited).toEqual([{ actor: dev.operator.id }]);
});

test('all that match are retried while the page is closed', async ({ page, dev, sql }) => {
  const matching = [];
  for (let count = 0; count < 2; count += 1)
    matching.push(await addFailure(sql, dev.user.id, { error: 'answered 502' }));
  const letter = await addFailure(sql, dev.user.id, { error: 'answered 502', isDead: true });
  const other = await addFailure(sql, dev.user.id, { error: 'no answer within 10000 ms', status: null });
  for (const { eventId } of [...matching, other]) await later(sql, eventId);
  await signIn(page, dev, 'operator', '/deliveries');
  await page.getByLabel('Error contains').fill('502');
  await expect(page).toHaveURL(/error=502/);
  await expect(rows(page)).toHaveCount(3);
  await page.getByRole('button', { name: 'Retry all 3' }).click();
  const dialog = page.getByRole('alertdialog');
  await dialog.getByLabel('Reason').fill('The gateway is back');
  await inspect(page, 'deliveries-retry');
  await dialog.getByRole('button', { name: 'Retry 3 deliveries' }).click();
  await expect(messages(page).getByText('The retry has started')).toBeVisible();
  await page.goto('about:blank');
  for (const { eventId } of matching) await expect.poll(() => isDue(sql, eventId)).toBe(true);
  await expect.poll(() => statusOf(sql, letter.eventId)).toMatchObject({ dead: false });
  expect(await isDue(sql, other.eventId)).toBe(false);
});

test('a group of failures leads to its rows, and is redriven whole while the page is closed', async ({
  page,
  dev,
  sql,
}) => {
  const gone = [];
  for (let count = 0; count < 3; count += 1)
    gone.push(
      await addFailure(sql, dev.user.id, {
        isDead: true,
        error: `answered 500 row ${count + 7}`,
        status: 500,
      }),
    );
  const other = await addFailure(sql, dev.user.id, {
    isDead: true,
    error: 'no answer: timed out',
    status: null,
  });
  await addFailure(sql, dev.user.id, { error: 'no answer: timed out', status: null });
  await signIn(page, dev, 'operator', '/deliveries');
  const causes = page.getByRole('table', { name: 'Failures by cause' });
  await expect(causes.locator('tbody').getByRole('row')).toHaveCount(2);
  await inspect(page, 'deliveries-causes');
  await causes.getByRole('link', { name: 'answered 500 row …' }).click();
  await expect(rows(page)).toHaveCount(3);
  await page.getByRole('button', { name: 'Remove the filter Cause' }).click();
  await expect(rows(page)).toHaveCount(3);
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await expect(rows(page)).toHaveCount(5);

  const actions = new Actions();
  await actions.do(causes.getByRole('button', { name: /^Redrive 3 deliveries/ }).click());
  const dialog = page.getByRole('alertdialog');
  await actions.do(dialog.getByLabel('Reason').fill('Repaired'));
  await actions.do(dialog.getByRole('button', { name: 'Redrive 3 deliveries' }).click());
  await expect(messages(page).getByText('The redrive has started')).toBeVisible();
  actions.expect(3);
  await page.goto('about:blank');
  for (const { eventId } of gone)
    await expect.poll(() => statusOf(sql, eventId)).toMatchObject({ dead: false });
  expect(await statusOf(sql, other.eventId)).toEqual({ status: 'failed', dead: true });
  const [plan] = await sql`select actor, reason, status from public.plans order by id desc limit 1`;
  expect(plan).toMatchObject({ actor: dev.operator.id, reason: 'Repaired' });
});

test('a plan is cancelled', async ({ page, dev, sql }) => {
  // Not due yet: it waits, as one does whose deliveries others hold.
  await sql`
    insert into public.plans (request_id, kind, name, reason, filter, actor, total, next_slice_at)
    values (gen_random_uuid(), 'redrive', 'Redrive: later', 'a try', '{}', ${dev.operator.id}, 9, now() + interval '1 hour')`;
  await signIn(page, dev, 'operator', '/deliveries');
  const plan = page.getByRole('listitem', { name: 'Redrive: later' }).first();
  await plan.getByRole('button', { name: 'Cancel Redrive: later' }).click();
  await expect(plan.getByText('cancelled')).toBeVisible();
  await expect(plan.getByRole('button')).toHaveCount(0);
});

test('filters narrow the list, are in the address, and are cleared', async ({ page, dev, sql }) => {
  await addFailure(sql, dev.user.id, { reportType: 'greeting', stage: 'final' });
  await addFailure(sql, dev.user.id, { reportType: 'org', isDead: true });
  await addFailure(sql, dev.user.id, { reportType: 'requirement', error: 'socket hang up', status: null });
  await signIn(page, dev, 'operator', '/deliveries');
  await expect(rows(page)).toHaveCount(3);
  for (const [label, option, words] of [
    ['Report type', 'greeting', 'Greeting, final'],
    ['Stage', 'final', 'Greeting, final'],
    ['Reason', 'attempts_exhausted', 'dead letter'],
    ['Status', 'dead', 'dead letter'],
  ] as const) {
    await page.getByLabel(label, { exact: true }).selectOption(option);
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page)).toContainText(words);
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await expect(rows(page)).toHaveCount(3);
  }
  await page.getByRole('searchbox', { name: 'Error contains' }).fill('hang up');
  await expect(rows(page)).toHaveCount(1);
  await page.getByLabel('Event committed').selectOption('hour');
  await page.reload();
  await expect(page.getByRole('searchbox', { name: 'Error contains' })).toHaveValue('hang up');
  await expect(rows(page)).toHaveCount(1);
  await page.getByLabel('Event committed').selectOption('between');
  await page.getByLabel('From', { exact: true }).fill('2020-01-01T00:00');
  await page.getByLabel('To', { exact: true }).fill('2020-01-02T00:00');
  await page.getByLabel('To', { exact: true }).press('Enter');
  await expect(page.getByText('No delivery matches')).toBeVisible();
});

test('a long list comes page by page', async ({ page, dev, sql }) => {
  for (let count = 0; count < 53; count += 1) await addFailure(sql, dev.user.id, { isDead: true });
  await signIn(page, dev, 'operator', '/deliveries?status=dead');
  await expect(rows(page)).toHaveCount(50);
  const more = page.getByRole('region', { name: /^Deliveries/ }).getByRole('button', { name: 'Show more' });
  await more.click();
  await expect(rows(page)).toHaveCount(53);
  await expect(more).toHaveCount(0);
});

test('hostile errors and answers are text, and break nothing', async ({ page, dev, sql }) => {
  const markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  await addFailure(sql, dev.user.id, {
    isDead: true,
    error: `${markup} ${'x'.repeat(3000)}`,
    response: `${markup} \u202egpj.exe ${'y'.repeat(3000)}`,
  });
  await addFailure(sql, dev.user.id, { error: '\u202eطويل \u2066جدا', status: null });
  await signIn(page, dev, 'operator', '/deliveries');
  await expect(rows(page)).toHaveCount(2);
  await rows(page).filter({ hasText: 'onerror' }).locator('summary').click();
  await expect(rows(page).filter({ hasText: 'onerror' }).getByText('The last answer began')).toBeVisible();
  await expect(rows(page).locator('img, script')).toHaveCount(0);
  await expect(page).toHaveTitle(/^(\(\d+\) )?Failed deliveries · Polaris reports$/);
  await inspect(page, 'deliveries-hostile');
});

test('by keyboard alone: select two, redrive them, and close', async ({ page, dev, sql }) => {
  for (let count = 0; count < 2; count += 1) await addFailure(sql, dev.user.id, { isDead: true });
  await signIn(page, dev, 'operator', '/deliveries?status=dead');
  await expect(rows(page)).toHaveCount(2);
  const press = async (name: RegExp, role: 'button' | 'checkbox', key: string) => {
    const wanted = page.getByRole(role, { name });
    for (let count = 0; count < 60; count += 1) {
      if (await wanted.evaluate((element) => element === document.activeElement)) break;
      await page.keyboard.press('Tab');
    }
    await expect(wanted).toBeFocused();
    await page.keyboard.press(key);
  };
  await press(/^Select all shown$/, 'checkbox', 'Space');
  await expect(page.getByText('2 selected')).toBeVisible();
  await page.evaluate(() => {
    (document.activeElement as HTMLElement).blur();
  });
  await press(/^Redrive 2$/, 'button', 'Enter');
  const dialog = page.getByRole('alertdialog');
  await expect(dialog).toBeVisible();
  await page.keyboard.type('By keyboard');
  await page.keyboard.press('Enter');
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole('heading', { name: /^Deliveries/ })).toBeFocused();
});

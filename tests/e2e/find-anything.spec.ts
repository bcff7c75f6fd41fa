import { randomUUID } from 'node:crypto';
import type { Page } from '@playwright/test';
import type postgres from 'postgres';
import { storeClient } from '../support/store.ts';
import { addFailure, clearDeliveries } from './support/outage.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

test.afterEach(({ sql }) => clearDeliveries(sql));

async function addPerson(sql: postgres.Sql) {
  const id = randomUUID();
  const email = `${id}@example.com`;
  await sql`insert into auth.users (id, email) values (${id}, ${email})`;
  return { id, email };
}

const rows = (page: Page) => page.getByRole('table', { name: 'Reports' }).locator('tbody').getByRole('row');
const input = (page: Page) => page.getByRole('combobox', { name: 'Find anything' });
const options = (page: Page) => page.getByRole('option');

test('operators see everybody’s reports, and which are missing', async ({ page, dev, sql }) => {
  const person = await addPerson(sql);
  const { reportId } = await addFailure(sql, person.id);
  const missing = randomUUID();
  await sql`
    insert into public.org_reports (id, user_id, user_data)
    values (${missing}, ${person.id}, ${sql.json({ organisation_name: 'Lost at sea', industry: 'x' })})`;
  const { job } = await storeClient(sql).request(missing);
  await sql`
    select public.complete_report_job(
      p_job_id => ${job.job_id}, p_status => 'failed', p_delivery_lease_seconds => 0, p_error => 'No model answered.')`;
  await signIn(page, dev, 'operator', `/reports?owner=${person.id}`);
  await expect(rows(page)).toHaveCount(2);
  await expect(rows(page).filter({ hasText: 'Ada' })).toContainText('answered 502');
  await inspect(page, 'all-reports');
  await page.getByLabel('State', { exact: true }).selectOption('missing');
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText('Lost at sea');
  await expect(rows(page)).toContainText('No model answered.');
  await page.getByRole('link', { name: 'Erase this account’s content' }).click();
  await expect(page.getByText(person.email).first()).toBeVisible();
  expect(reportId).not.toBe(missing);
});

test('by keyboard: a report by words, an event by its id, an owner by the address', async ({
  page,
  dev,
  sql,
}) => {
  const person = await addPerson(sql);
  const word = `zephyr${randomUUID().slice(0, 6)}`;
  const { reportId, eventId } = await addFailure(sql, person.id);
  await sql`
    update public.org_reports set user_data = ${sql.json({ organisation_name: `The ${word} company` })} where id = ${reportId}`;
  await signIn(page, dev, 'operator', '/jobs');
  await page.keyboard.press('/');
  await expect(input(page)).toBeFocused();
  await page.keyboard.type(`comp ${word.slice(0, 9)}`);
  await expect(options(page)).toHaveCount(1);
  await expect(options(page)).toContainText(`The ${word} company`);
  await inspect(page, 'search');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(reportId));
  await expect(page.locator('main')).toBeFocused();

  await page.keyboard.press('Control+k');
  await expect(input(page)).toBeFocused();
  await page.keyboard.type(eventId.slice(0, 18));
  await expect(options(page).filter({ hasText: eventId })).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`event=${eventId}`));
  // The details take the focus.
  await expect(page.getByRole('region', { name: 'Details' })).toBeVisible();

  await page.keyboard.press('Control+k');
  await expect(input(page)).toBeFocused();
  await page.keyboard.type(person.email);
  await expect(page.getByText('Press Enter to look up this address.')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(options(page)).toHaveCount(1);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`owner=${person.id}`));
  await expect(rows(page)).toHaveCount(1);
  const audited = await sql`
    select actor from public.webhook_audit
    where request_payload ->> 'endpoint' = 'search' and request_payload ->> 'user_id' = ${person.id}`;
  expect([...audited]).toEqual([{ actor: dev.operator.id }]);

  await page.keyboard.press('/');
  await expect(input(page)).toBeFocused();
  await page.keyboard.type('nothing-has-this-name');
  await expect(page.getByText('Nothing found.')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(input(page)).toHaveCount(0);
});

test('owners have their own reports, and no search', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/reports');
  await expect(page.getByRole('heading', { name: 'My reports' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Find anything' })).toHaveCount(0);
  const views = page.getByRole('navigation', { name: 'Views' }).getByRole('link');
  await expect(views).toHaveText([/^Reports$/, /^New report$/, /^Notifications/]);
});

import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { addFailure, clearDeliveries } from './support/outage.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

test.afterEach(({ sql }) => clearDeliveries(sql));

/** A person without a password, who has a report with a result. */
async function addPerson(sql: postgres.Sql) {
  const id = randomUUID();
  const email = `${id}@example.com`;
  await sql`insert into auth.users (id, email) values (${id}, ${email})`;
  const { reportId } = await addFailure(sql, id, { text: '# To be forgotten' });
  return { id, email, reportId };
}

test('an account is found by its address, and erased once its id was typed', async ({ page, dev, sql }) => {
  const person = await addPerson(sql);
  await signIn(page, dev, 'operator', '/audit');
  await page.getByRole('link', { name: 'Erase an account’s content' }).click();
  await expect(page.getByText('No account is chosen')).toBeVisible();
  await page.getByLabel('User id or complete e-mail address').fill(person.email);
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  const counts = page.getByRole('table', { name: 'Content to erase' });
  await expect(counts.getByRole('row', { name: /Org reports 1/ })).toBeVisible();
  await expect(page.getByText('auth.users')).toBeVisible();
  // An address in the URL would outlive the erasure.
  expect(page.url()).not.toContain(person.email);
  const erase = page.getByRole('button', { name: 'Erase the content' });
  await expect(erase).toBeDisabled();
  await page.getByLabel('Type the user’s id to confirm').fill(person.email);
  await expect(erase).toBeDisabled();
  await page.getByLabel('Type the user’s id to confirm').fill(person.id);
  await inspect(page, 'erasure');
  await erase.click();
  await expect(page.getByRole('heading', { name: 'Erased' })).toBeFocused();
  const went = page.getByRole('table', { name: 'Erased content' });
  await expect(went.getByRole('row', { name: /Org reports 1/ })).toBeVisible();
  await expect(went.getByRole('row', { name: /Events with content 1/ })).toBeVisible();
  await inspect(page, 'erasure-done');
  expect(await sql`select from public.org_reports where id = ${person.reportId}`).toHaveLength(0);
  const [audited] = await sql`
    select actor from public.webhook_audit where outcome = 'erased' and response_body ->> 'user_id' = ${person.id}`;
  expect(audited).toEqual({ actor: dev.operator.id });
});

test('an address that no account has, and an owner, are refused', async ({ page, dev, complaints }) => {
  await signIn(page, dev, 'operator', '/erasure');
  await page.getByLabel('User id or complete e-mail address').fill(`${randomUUID()}@example.com`);
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await expect(page.getByText('No account has this e-mail address', { exact: true }).first()).toBeVisible();
  await page.getByLabel('User id or complete e-mail address').fill('everybody');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await expect(page.getByText('Some fields are invalid')).toBeVisible();
  expect(complaints.splice(0)).toEqual([expect.stringContaining('status of 404')]);
});

test('an owner is told that it is for operators', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/erasure');
  await expect(page.getByText('Erasure is for operators')).toBeVisible();
});

import { randomUUID } from 'node:crypto';
import type { Page } from '@playwright/test';
import type postgres from 'postgres';
import { storeClient } from '../support/store.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

/** Jobs of an own user, which do not affect other tests. */
async function addPerson(sql: postgres.Sql) {
  const id = randomUUID();
  const email = `${id.slice(0, 8)}@example.com`;
  await sql`insert into auth.users (id, email) values (${id}, ${email})`;
  async function addJob(name: string, change: Record<string, unknown> = {}) {
    const reportId = randomUUID();
    await sql`
      insert into public.org_reports (id, user_id, user_data)
      values (${reportId}, ${id}, ${sql.json({ organisation_name: name, industry: 'Shipping' })})`;
    const { job } = await storeClient(sql).request(reportId, change);
    return job.job_id;
  }
  return { id, email, addJob };
}

const rows = (page: Page) => page.getByRole('table', { name: 'Jobs' }).locator('tbody').getByRole('row');
const messages = (page: Page) => page.getByRole('region', { name: 'Messages' });
const states = (page: Page) => page.getByRole('navigation', { name: 'States' });

async function fail(sql: postgres.Sql, jobId: string, error = 'The model gave no text.') {
  await sql`
    select public.complete_report_job(
      p_job_id => ${jobId}, p_status => 'failed', p_delivery_lease_seconds => 0, p_error => ${error})`;
}

test('why a report is missing: the job failed; and it is run again', async ({ page, dev, sql }) => {
  const person = await addPerson(sql);
  const failed = await person.addJob('Harbour of Ørsted');
  await fail(sql, failed);
  await person.addJob('Waits', { generate: false });
  await signIn(page, dev, 'operator', '/jobs');
  await page.getByRole('link', { name: person.email }).first().click();
  await expect(rows(page)).toHaveCount(2);
  await expect(rows(page).filter({ hasText: 'Waits' })).toContainText('the pipeline');
  await inspect(page, 'jobs');
  await states(page)
    .getByRole('link', { name: /^Failed/ })
    .click();
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText('The model gave no text.');

  await rows(page)
    .getByRole('button', { name: /^Run again/ })
    .click();
  const dialog = page.getByRole('alertdialog');
  await expect(dialog.getByRole('heading')).toHaveText('Run this job again?');
  await inspect(page, 'jobs-run-again');
  await dialog.getByRole('button', { name: 'Run again' }).click();
  await expect(messages(page).getByText('A new job has started')).toBeVisible();
  await states(page).getByRole('link', { name: 'All' }).click();
  await expect(rows(page).filter({ hasText: 'succeeded' })).toHaveCount(1);
  const [audited] = await sql`
    select actor from public.webhook_audit where job_id = ${failed} and outcome = 'job_repeated'`;
  expect(audited).toEqual({ actor: dev.operator.id });
});

test('a stuck job is cancelled, and not by a slip', async ({ page, dev, sql }) => {
  const person = await addPerson(sql);
  // Of the pipeline's, since a sweep would take any other over.
  const stuck = await person.addJob('Stuck', { generate: false });
  await signIn(page, dev, 'operator', `/jobs?owner=${person.id}`);
  await expect(rows(page)).toContainText('given up in');
  const cancel = rows(page).getByRole('button', { name: /^Cancel/ });
  await cancel.click();
  await expect(page.getByRole('alertdialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('alertdialog')).toHaveCount(0);
  await expect(cancel).toBeFocused();
  await cancel.click();
  await page.getByRole('button', { name: 'Cancel the job' }).click();
  await expect(messages(page).getByText('The job is cancelled')).toBeVisible();
  await expect(rows(page)).toContainText('The result was discarded.');
  const [row] = await sql`select status from private.job_runs where job_id = ${stuck}`;
  expect(row).toEqual({ status: 'cancelled' });
});

test('the overview says how jobs fare, and leads to them', async ({ page, dev, sql }) => {
  const person = await addPerson(sql);
  await fail(sql, await person.addJob('Harbour'));
  const overdue = await person.addJob('Overdue');
  await sql`
    update private.job_runs set generate = false, lease_expires_at = null, deadline = now() - interval '1 second'
    where job_id = ${overdue}`;
  await signIn(page, dev, 'operator', '/monitor');
  const figures = page.getByRole('list', { name: 'Jobs' });
  await expect(figures.getByText('Jobs overdue')).toBeVisible();
  await inspect(page, 'overview-jobs');
  await figures.getByRole('listitem').filter({ hasText: 'Jobs failed' }).getByRole('link').click();
  await expect(page).toHaveURL(/jobs\?state=failed&since=hour/);
  await expect(rows(page).first()).toContainText('failed');
});

test('an empty list says why, and owners are not shown any', async ({ page, dev }) => {
  await signIn(page, dev, 'operator', `/jobs?owner=${randomUUID()}`);
  await expect(page.getByText('No job matches')).toBeVisible();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await expect(page).toHaveURL(/\/jobs$/);
});

test('an owner is told that jobs are for operators', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/jobs');
  await expect(page.getByText('Jobs is for operators')).toBeVisible();
});

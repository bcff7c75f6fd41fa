import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Locator, Page } from '@playwright/test';
import type postgres from 'postgres';
import { storeClient } from '../support/store.ts';
import { addFailure, clearDeliveries, openCircuit } from './support/outage.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

test.afterEach(({ sql }) => clearDeliveries(sql));

const MOST_ACTIONS = 5;

/** Counts a person's actions: the answer takes at most five. */
function person(page: Page) {
  let actions = 0;
  const act = async (does: () => Promise<unknown>) => {
    actions += 1;
    await does();
  };
  return {
    click: (target: Locator) => act(() => target.click()),
    press: (key: string) => act(() => page.keyboard.press(key)),
    /** Typing a text is one action. */
    type: (text: string) => act(() => page.keyboard.type(text)),
    expectFewActions() {
      expect(actions).toBeGreaterThan(0);
      expect(actions).toBeLessThanOrEqual(MOST_ACTIONS);
    },
  };
}

const verdict = (page: Page) => page.getByRole('region', { name: 'Verdict' });
const messages = (page: Page) => page.getByRole('region', { name: 'Messages' });
const addressOf = (reportId: string, more = '') => `/report?report_type=org&report_id=${reportId}${more}`;

async function addOwner(sql: postgres.Sql) {
  const id = randomUUID();
  const email = `${id}@example.com`;
  await sql`insert into auth.users (id, email) values (${id}, ${email})`;
  return { id, email };
}

/** A report with a name that nothing else has. */
async function addReport(sql: postgres.Sql, ownerId: string) {
  const id = randomUUID();
  const name = `Quay ${id.slice(0, 8)}`;
  await sql`
    insert into public.org_reports (id, user_id, user_data)
    values (${id}, ${ownerId}, ${sql.json({ organisation_name: name, industry: 'Shipping' })})`;
  return { id, name };
}

const fail = (sql: postgres.Sql, jobId: string, error: string) => sql`
  select public.complete_report_job(
    p_job_id => ${jobId}, p_status => 'failed', p_delivery_lease_seconds => 0, p_error => ${error})`;

/** From any view, by the search. */
async function findReport(page: Page, name: string) {
  const she = person(page);
  await she.press('/');
  await expect(page.getByRole('combobox', { name: 'Find anything' })).toBeFocused();
  await she.type(name);
  await expect(page.getByRole('option').filter({ hasText: name })).toHaveAttribute('aria-selected', 'true');
  await she.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
  return she;
}

test.describe('why is the report missing, and whose is it', () => {
  test('nothing was requested; the job never ran; the generation failed', async ({ page, dev, sql }) => {
    const owner = await addOwner(sql);
    const report = await addReport(sql, owner.id);
    await signIn(page, dev, 'operator', '/jobs');
    (await findReport(page, report.name)).expectFewActions();
    await expect(verdict(page)).toContainText('no job was ever requested for this report');
    await expect(page.getByText(`Org report of ${owner.email}`)).toBeVisible();
    await inspect(page, 'report-nothing-requested');

    const { job } = await storeClient(sql).request(report.id, { generate: false });
    // A sweep would take over one that we generate at any moment.
    await sql`update private.job_runs set deadline = now() - interval '1 hour' where job_id = ${job.job_id}`;
    await page.getByRole('button', { name: 'Refresh' }).click();
    await expect(verdict(page)).toContainText(
      /the pipeline did not send the result in time|the prelim job failed/,
    );

    await fail(sql, job.job_id, 'The model gave no text.');
    await page.goto(new URL('/reports?state=missing', dev.url).href);
    const she = person(page);
    await she.click(page.getByRole('link', { name: report.name }));
    await expect(verdict(page)).toContainText(/No result: the prelim job failed .*ago|now: /);
    she.expectFewActions();
    const timeline = page.getByRole('list', { name: 'Timeline' });
    await expect(timeline.getByText('Job requested')).toBeVisible();
    await expect(timeline.getByText('Job failed')).toBeVisible();
    await inspect(page, 'report-job-failed');
  });

  test('the runner died: from the list of jobs', async ({ page, dev, sql }) => {
    const owner = await addOwner(sql);
    const report = await addReport(sql, owner.id);
    const { job } = await storeClient(sql).request(report.id);
    await signIn(page, dev, 'operator', `/jobs?owner=${owner.id}`);
    const expire = () => sql`
      update private.job_runs set lease_expires_at = now() - interval '1 hour' where job_id = ${job.job_id}`;
    await expire();
    await sql.begin(async (held) => {
      // A sweep skips what is locked. One that came first has taken the job over: then nothing is left to ask.
      const [row] = await held`select state from private.job_states where job_id = ${job.job_id} for update`;
      test.skip(row?.['state'] !== 'overdue', 'a sweep came first');
      const she = person(page);
      await she.click(page.getByRole('link', { name: report.name }));
      await expect(verdict(page)).toContainText(
        'No result: the runner of the prelim job died before it reported progress; its lease ended 1h ago; the next sweep takes it over.',
      );
      she.expectFewActions();
      await inspect(page, 'report-runner-died');
    });
    // Then it does.
    await expect(verdict(page)).toContainText('The prelim result is stored', { timeout: 90_000 });
  });

  test('the delivery failed: it is retried, and redriven once it is dead', async ({ page, dev, sql }) => {
    const owner = await addOwner(sql);
    const { reportId, eventId } = await addFailure(sql, owner.id, { stage: 'final', isDead: true });
    await signIn(page, dev, 'operator', '/deliveries');
    const she = person(page);
    await she.click(
      page
        .getByRole('row')
        .filter({ has: page.getByTitle(eventId) })
        .getByRole('link')
        .first(),
    );
    await expect(verdict(page)).toContainText(
      'The final result is stored, by direct update. Its delivery became a dead letter',
    );
    await expect(verdict(page)).toContainText('it failed 1 time with 502; fix the cause, then redrive.');
    await inspect(page, 'report-dead-letter');
    await she.click(verdict(page).getByRole('button', { name: /^Redrive/ }));
    await expect(messages(page).getByText(/back on schedule/)).toBeVisible();
    await expect(page.getByRole('list', { name: 'Timeline' }).getByText('Redriven')).toBeVisible();
    she.expectFewActions();
    const [row] = await sql`select dead_at from public.webhook_deliveries where report_id = ${reportId}`;
    expect(row).toEqual({ dead_at: null });
  });

  test('the endpoint is down, and what came of it as a tree', async ({ page, dev, sql }) => {
    const owner = await addOwner(sql);
    const { reportId, jobId } = await addFailure(sql, owner.id, { stage: 'final' });
    await openCircuit(sql, 'final-report');
    await signIn(page, dev, 'operator', `/reports?owner=${owner.id}`);
    const she = person(page);
    await she.click(page.getByRole('table', { name: 'Reports' }).getByRole('link', { name: 'Ada' }));
    await expect(verdict(page)).toContainText(
      'Its delivery failed 1 time with 502, and waits: the circuit of final-report opened 2m ago',
    );
    await inspect(page, 'report-endpoint-down');
    await she.click(page.getByRole('link', { name: 'Trace', exact: true }));
    const steps = page.getByRole('list', { name: 'Steps' });
    await expect(steps.getByText(`job ${jobId} final succeeded`)).toBeVisible();
    await expect(steps.getByText(/attempt 1 to final-report 502 failed/)).toBeVisible();
    await expect(page.getByText(`npm run polaris -- trace ${reportId}`)).toBeVisible();
    await inspect(page, 'trace');
    she.expectFewActions();
    await steps.getByRole('link', { name: /attempt 1/ }).click();
    await expect(
      page.getByRole('region', { name: 'Details' }).getByText('answered 502').first(),
    ).toBeVisible();
    await page.getByRole('link', { name: 'Job, event and attempts as a tree' }).click();
    await expect(steps.getByText(`job ${jobId} final succeeded`)).toBeVisible();
    await page.getByLabel('Id of a report, a job, an event or a trace').fill('unknown-id');
    await page.getByRole('button', { name: 'Show' }).click();
    await expect(page.getByText('Nothing has this id')).toBeVisible();
  });

  test('it failed: it is run again from the page', async ({ page, dev, sql }) => {
    const owner = await addOwner(sql);
    const report = await addReport(sql, owner.id);
    const { job } = await storeClient(sql).request(report.id);
    await fail(sql, job.job_id, 'The model gave no text.');
    await signIn(page, dev, 'operator', addressOf(report.id));
    await verdict(page)
      .getByRole('button', { name: /^Run again/ })
      .click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Run again' }).click();
    await expect(messages(page).getByText('A new job has started')).toBeVisible();
    await expect(verdict(page)).toContainText('The prelim result is stored.');
    await expect(page.getByText('Run again requested')).toBeVisible();
  });

  test('it was deleted, or nothing names it', async ({ page, dev, sql }) => {
    const owner = await addOwner(sql);
    const report = await addReport(sql, owner.id);
    const { job } = await storeClient(sql).request(report.id, { generate: false });
    await fail(sql, job.job_id, 'x');
    await sql`delete from public.org_reports where id = ${report.id}`;
    await signIn(page, dev, 'operator', addressOf(report.id));
    await expect(verdict(page)).toContainText('This report was deleted');
    await page.goto(new URL(addressOf(randomUUID()), dev.url).href);
    await expect(page.getByText('Nothing is known of this report.')).toBeVisible();
    await page.goto(new URL('/report', dev.url).href);
    await expect(page.getByText('This link names no report')).toBeVisible();
  });
});

test.describe('an owner', () => {
  test('copies, downloads, prints and shares the text', async ({ page, dev, sql, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const text = '# Needs\n\nTen *people*, by spring.';
    const { reportId } = await addFailure(sql, dev.user.id, { stage: 'final', text });
    // Links from before the report had a page of its own.
    await signIn(page, dev, 'user', `/debug?report_type=org&report_id=${reportId}`);
    await expect(page).toHaveURL(new RegExp(`/report\\?report_type=org&report_id=${reportId}`));
    await expect(verdict(page)).toContainText('Your final report is here.');
    // Of the plumbing nothing is said. An id may contain the digits.
    for (const word of ['\\b502\\b', 'attempt', 'webhook', 'delivery']) {
      await expect(page.getByRole('main')).not.toContainText(new RegExp(word, 'i'));
    }
    await page.getByRole('button', { name: 'Copy text' }).click();
    await expect(messages(page).getByText('Text copied')).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(text);

    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download Markdown' }).click();
    const file = await downloading;
    expect(file.suggestedFilename()).toBe('Ada-final.md');
    expect(await readFile(await file.path(), 'utf8')).toBe(text);

    await page.evaluate(() => {
      window.print = () => document.body.setAttribute('data-printed', 'yes');
    });
    await page.getByRole('button', { name: 'Print' }).click();
    await expect(page.locator('body')).toHaveAttribute('data-printed', 'yes');
    await page.emulateMedia({ media: 'print' });
    await expect(page.getByRole('heading', { name: 'Needs' })).toBeVisible();
    for (const hidden of [
      verdict(page),
      page.getByText('Instructions'),
      page.getByText('Intake', { exact: true }),
    ]) {
      await expect(hidden).toBeHidden();
    }
    await page.emulateMedia({ media: 'screen' });

    await page.getByRole('radio', { name: 'What changed' }).check();
    await expect(page.getByText('No prelim result')).toBeVisible();
    await page.getByRole('button', { name: 'Copy link' }).click();
    await expect(messages(page).getByText('Link copied')).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(
      `report_id=${reportId}&show=changes`,
    );
  });

  test('sees what changed from prelim to final', async ({ page, dev, sql }) => {
    const { reportId } = await addFailure(sql, dev.user.id, {
      text: '# Needs\n\nThe team needs ten people by spring.\n\nThis goes.',
    });
    const store = storeClient(sql);
    const { run } = await store.request(reportId, { stage: 'final' });
    await store.complete(
      run.job_id,
      run.lease_token,
      '# Needs\n\nThe team needs twelve people by spring.\n\nAnother matter entirely was added.',
    );
    await sql`select public.apply_report_event(p_event_id => event_id) from private.job_runs where job_id = ${run.job_id}`;
    await signIn(page, dev, 'user', addressOf(reportId, '&show=changes'));
    await expect(
      page.getByText('From prelim to final: 1 paragraph changed, 1 paragraph added, 1 paragraph removed.'),
    ).toBeVisible();
    const changed = page.getByRole('region', { name: 'Changed' });
    await expect(changed.locator('del')).toContainText('ten');
    await expect(changed.locator('ins')).toContainText('twelve');
    await inspect(page, 'report-what-changed');
  });
});

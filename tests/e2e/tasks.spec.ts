import { readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import type { Download, Page } from '@playwright/test';
import { storeClient } from '../support/store.ts';
import { Actions } from './support/actions.ts';
import { addFailure, clearDeliveries, openCircuit } from './support/outage.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

// Questions that an operator is asked at night, each with the number of actions to the answer. Signing in does not count.

test.afterEach(({ sql }) => clearDeliveries(sql));

const view = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name }).click();
const rows = (page: Page, table: string) =>
  page.getByRole('table', { name: table }).locator('tbody').getByRole('row');
const textOf = async (download: Download) => readFile(await download.path(), 'utf8');

test('what happened to event E', async ({ page, dev, sql }) => {
  const { eventId } = await addFailure(sql, dev.user.id, { stage: 'final', isDead: true });
  await signIn(page, dev, 'operator', '/monitor');
  const actions = new Actions();
  await actions.do(page.keyboard.press('/'));
  await actions.do(page.getByRole('combobox').fill(eventId));
  await expect(page.getByRole('option', { name: new RegExp(eventId) }).first()).toBeVisible();
  await actions.do(page.keyboard.press('Enter'));
  const timeline = page.getByRole('list', { name: 'Timeline' });
  for (const step of ['Job requested', 'Event committed', 'Attempt 1: failed', 'Applied by direct update'])
    await expect(timeline).toContainText(step);
  await expect(timeline).toContainText('Dead letter');
  actions.expect(3);
});

test('who retried what', async ({ page, dev, sql }) => {
  const { eventId } = await addFailure(sql, dev.user.id, { isDead: true });
  await addFailure(sql, dev.user.id, { isDead: true });
  await signIn(page, dev, 'operator', '/deliveries');
  await page
    .getByTitle(eventId)
    .locator('xpath=ancestor::tr')
    .getByRole('button', { name: /^Retry/ })
    .click();
  await expect(rows(page, 'Deliveries')).toHaveCount(1);

  const actions = new Actions();
  await actions.do(view(page, 'Audit'));
  await actions.do(page.getByLabel('Who').selectOption({ label: dev.operator.email }));
  const newest = rows(page, 'Audit log').first();
  await expect(newest).toContainText(`by ${dev.operator.email}`);
  await expect(newest).toContainText('retry');
  await expect(newest.getByTitle(eventId)).toBeVisible();
  actions.expect(2);
  await expect(page.getByRole('list', { name: 'Filters in effect' })).toContainText(
    `Who${dev.operator.email}`,
  );
  // Nobody else's.
  for (const row of await rows(page, 'Audit log').all())
    await expect(row).toContainText(`by ${dev.operator.email}`);
  await page.getByLabel('Who').selectOption('sender');
  await expect(rows(page, 'Audit log').getByText(dev.operator.email)).toHaveCount(0);
  await expect(rows(page, 'Audit log').first()).toContainText('Received at');
  await page.getByRole('button', { name: /^Remove the filter Who/ }).click();
  await expect(page.getByLabel('Who')).toHaveValue('');
});

test('compare two attempts', async ({ page, dev, sql }) => {
  const { eventId, reportId } = await addFailure(sql, dev.user.id, { response: 'Bad gateway' });
  const store = storeClient(sql);
  const [claimed] = await sql`
    select public.claim_report_delivery('org', ${reportId}, 30, null, ${eventId}) -> 'delivery' as delivery`;
  await store.record(claimed?.['delivery'] as Parameters<typeof store.record>[0], 'failed', [
    { status: 503, error: 'answered 503', response: 'Busy', duration_ms: 12, authentic: false },
  ]);
  await signIn(page, dev, 'operator', '/deliveries');
  const actions = new Actions();
  await actions.do(page.getByTitle(eventId).click());
  await actions.do(page.getByRole('link', { name: 'Attempt 2: failed' }).click());
  const comparison = page.getByRole('region', { name: 'Compared with the previous attempt' });
  await expect(comparison.getByRole('row', { name: /Status/i })).toContainText(/502.*503/);
  await expect(comparison).toContainText('Bad gateway');
  await expect(comparison).toContainText('Busy');
  actions.expect(2);
  await inspect(page, 'task-compare');
});

test('cancel a stuck job', async ({ page, dev, sql }) => {
  const reportId = randomUUID();
  await sql`
    insert into public.org_reports (id, user_id, user_data)
    values (${reportId}, ${dev.user.id}, ${sql.json({ organisation_name: 'Stuck Harbour' })})`;
  // Of the pipeline's, since a sweep would take any other over.
  const { job } = await storeClient(sql).request(reportId, { generate: false });
  await signIn(page, dev, 'operator', '/monitor');
  const actions = new Actions();
  await actions.do(view(page, 'Jobs'));
  await actions.do(
    page
      .getByRole('navigation', { name: 'States' })
      .getByRole('link', { name: /^Waiting/ })
      .click(),
  );
  const row = rows(page, 'Jobs').filter({ hasText: 'Stuck Harbour' });
  await actions.do(row.getByRole('button', { name: /^Cancel/ }).click());
  await actions.do(page.getByRole('button', { name: 'Cancel the job' }).click());
  await expect(page.getByText('The job is cancelled')).toBeVisible();
  actions.expect(4);
  const [run] = await sql`select status from private.job_runs where job_id = ${job.job_id}`;
  expect(run).toEqual({ status: 'cancelled' });
});

test('export what a list shows, so that no spreadsheet runs it', async ({ page, dev, sql }) => {
  const reportId = randomUUID();
  await sql`
    insert into public.org_reports (id, user_id, user_data)
    values (${reportId}, ${dev.user.id}, ${sql.json({ organisation_name: '=HYPERLINK("https://evil.example")' })})`;
  const { job } = await storeClient(sql).request(reportId);
  await sql`
    select public.complete_report_job(
      p_job_id => ${job.job_id}, p_status => 'failed', p_delivery_lease_seconds => 0, p_error => '+1+1')`;
  await signIn(page, dev, 'operator', '/monitor');
  const actions = new Actions();
  const download = async (format: string) => {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      actions.do(page.getByRole('button', { name: `Export as ${format}` }).click()),
    ]);
    return file;
  };
  await actions.do(view(page, 'Jobs'));
  await actions.do(
    page
      .getByRole('navigation', { name: 'States' })
      .getByRole('link', { name: /^Failed/ })
      .click(),
  );
  await expect(rows(page, 'Jobs').first()).toContainText('failed');
  const csv = await download('CSV');
  actions.expect(3);
  expect(csv.suggestedFilename()).toMatch(/^jobs-.*\.csv$/);
  const [header, ...lines] = (await textOf(csv)).trimEnd().split('\r\n');
  expect(header).toContain('job_id,');
  const line = lines.find((each) => each.includes(job.job_id));
  expect(line).toContain(`"'=HYPERLINK(""https://evil.example"")"`);
  expect(line).toContain(`,'+1+1`);
  // As filtered: no job that is not failed.
  const states = JSON.parse(await textOf(await download('JSON'))) as { rows: { state: string }[] };
  expect(new Set(states.rows.map(({ state }) => state))).toEqual(new Set(['failed']));
  expect(states.rows).toHaveLength(lines.length);

  await view(page, 'Reports');
  await expect(rows(page, 'Reports').first()).toBeVisible();
  expect(await textOf(await download('CSV'))).toMatch(/^id,report_type,title,.*job_state/);
});

test('the plans are exported', async ({ page, dev, sql }) => {
  await sql`
    insert into public.plans (request_id, kind, name, reason, filter, actor, status, finished_at, outcomes)
    values (gen_random_uuid(), 'retry', 'Retry: exported', '@why', '{"cause": "answered 502"}', ${dev.operator.id},
      'done', now(), '{"brought_forward": 7}')`;
  await signIn(page, dev, 'operator', '/deliveries');
  const plans = page.getByRole('region', { name: 'Plans' });
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    plans.getByRole('button', { name: 'Export as CSV' }).click(),
  ]);
  const text = await textOf(file);
  const [header = '', first = ''] = text.split('\r\n');
  expect(header).toContain('outcomes_brought_forward');
  expect(first).toContain('Retry: exported');
  expect(first).toContain("'@why");
});

test('an owner exports their own reports, and nobody else’s', async ({ page, dev, sql }) => {
  const reportId = randomUUID();
  await sql`
    insert into public.org_reports (id, user_id, user_data)
    values (${reportId}, ${dev.operator.id}, ${sql.json({ organisation_name: 'Of another' })})`;
  await addFailure(sql, dev.user.id, { reportType: 'org' });
  await signIn(page, dev, 'user', '/reports');
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export as JSON' }).click(),
  ]);
  const { rows: exported } = JSON.parse(await textOf(file)) as { rows: { user_id: string }[] };
  expect(new Set(exported.map(({ user_id }) => user_id))).toEqual(new Set([dev.user.id]));
});

test('share what is seen: the link has the hour that was meant', async ({ page, context, dev, sql }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await addFailure(sql, dev.user.id);
  await signIn(page, dev, 'operator', '/monitor');
  for (const [name, label] of [
    ['Deliveries', 'Event committed'],
    ['Jobs', 'Requested'],
    ['Audit', 'When'],
  ] as const) {
    const actions = new Actions();
    await actions.do(view(page, name));
    await actions.do(page.getByLabel(label, { exact: true }).selectOption('hour'));
    await actions.do(page.getByRole('button', { name: 'Copy link' }).click());
    await expect(page.getByText('Link copied').last()).toBeVisible();
    const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    const { since, after = '', before = '' } = Object.fromEntries(link.searchParams);
    expect(since).toBe('between');
    expect(Date.parse(before) - Date.parse(after)).toBe(3_600_000);
    actions.expect(3);
  }

  const actions = new Actions();
  await actions.do(view(page, 'Overview'));
  const attempts = page
    .getByRole('list', { name: 'Figures' })
    .getByRole('listitem')
    .filter({ hasText: /^Attempts/ });
  await expect(attempts).toBeVisible();
  await actions.do(page.getByRole('button', { name: 'Copy link' }).click());
  await expect(page.getByText('Link copied').last()).toBeVisible();
  actions.expect(2);
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  const { window, after = '', before = '' } = Object.fromEntries(link.searchParams);
  expect(window).toBe('between');
  expect(Date.parse(before) - Date.parse(after)).toBeGreaterThan(3_500_000);
  const seen = (await attempts.textContent()) ?? '';
  await page.goto(link.href);
  const chips = page.getByRole('list', { name: 'Filters in effect' });
  await expect(chips).toContainText(/When.*from .* to /);
  await expect(attempts).toHaveText(seen);
  await expect(page.getByRole('radio', { name: 'Hour' })).not.toBeChecked();
  // Its rows are those of that time.
  await page.getByRole('region', { name: 'Outcomes in this time' }).getByRole('link').first().click();
  await expect(page).toHaveURL(/since=between&after=/);
  await page.goBack();
  await chips.getByRole('button').click();
  await expect(page.getByRole('radio', { name: 'Hour' })).toBeChecked();
  await expect(page).not.toHaveURL(/after|window/);
});

test('is it healthy now', async ({ page, dev, sql }) => {
  await addFailure(sql, dev.user.id);
  await clearDeliveries(sql);
  await signIn(page, dev, 'operator', '/jobs');
  const line = page.getByRole('region', { name: 'State of the system' });
  await expect(line).toBeVisible();
  await expect(line.getByRole('status')).not.toBeEmpty();
  await openCircuit(sql, 'prelim-report');
  await expect(line.getByRole('status')).toContainText('prelim-report is down, first failure');
  await expect(line).toContainText(/Next: a probe in/);
  // It is on top of every view, and leads to what waits.
  const actions = new Actions();
  await actions.do(line.getByRole('link', { name: /^prelim-report/ }).click());
  await expect(page).toHaveURL(/deliveries\?endpoint=prelim-report/);
  await expect(page.getByRole('list', { name: 'Filters in effect' })).toContainText('Endpointprelim-report');
  actions.expect(1);
});

test('a half filled intake form outlives a reload, and not its report', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/debug');
  await page.getByLabel('Full name').fill('Ada of the Harbour');
  await page.reload();
  await expect(page.getByLabel('Full name')).toHaveValue('Ada of the Harbour');
  await page.getByLabel('Example').selectOption({ index: 1 });
  await expect(page.getByLabel('Organisation name')).not.toHaveValue('');
  await page.getByRole('button', { name: 'Create report' }).click();
  await expect(page).toHaveURL(/\/report\?/);
  await expect(page.locator('main').getByText(/Greeting report, created/)).toBeVisible();
  await page.goto(new URL('/debug', dev.url).href);
  await expect(page.getByLabel('Full name')).toHaveValue('');
});

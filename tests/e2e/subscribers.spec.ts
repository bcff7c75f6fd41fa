import { randomUUID } from 'node:crypto';
import type { Page } from '@playwright/test';
import type { Sql } from 'postgres';
import type { DevFile } from '../../src/contracts/dev.ts';
import { checkedEndpoint, createdEndpoint } from '../../src/contracts/subscribers.ts';
import { startOutwardReceiver, type OutwardReceiver } from './support/outward-receiver.ts';
import { clearDeliveries } from './support/outage.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

// Resumed deliveries and replays wait for sweeps, which run once a minute.
test.describe.configure({ timeout: 400_000 });

test.afterEach(async ({ sql, dev }) => {
  // Else what other tests do would be sent to receivers that are gone.
  const ids = await sql<{ endpoint_id: string }[]>`
    select endpoint_id from private.subscribers where state <> 'removed'`;
  for (const { endpoint_id } of ids) {
    await sql`select public.move_endpoint(${endpoint_id}, 'removed', ${dev.operator.id})`;
  }
  await clearDeliveries(sql);
  // Each test has the hour's checks of a host for itself.
  await sql`update private.endpoint_checks set created_at = created_at - interval '1 hour'`;
});

const panel = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

/** A report of the user's, whose prelim text is generated and sent as everywhere. */
async function addResult(dev: DevFile, sql: Sql): Promise<string> {
  const reportId = randomUUID();
  await sql`
    insert into public.org_reports (id, user_id, user_data)
    values (${reportId}, ${dev.user.id}, ${sql.json({ organisation_name: 'Harbour' })})`;
  const response = await fetch(`${dev.url}/api/reportJobsDb`, {
    method: 'POST',
    headers: { authorization: `Bearer ${dev.pipelineApiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      report_type: 'org',
      report_id: reportId,
      stage: 'prelim',
      prompt: 'Write the needs analysis.',
    }),
  });
  expect(response.status, await response.text()).toBeLessThan(300);
  return reportId;
}

/** One that has passed its check, made by the API as the console makes it. */
async function addChecked(page: Page, receiver: OutwardReceiver): Promise<string> {
  const call = (path: string, body: object) =>
    page.evaluate(
      async ([to, sent]) => {
        const session = JSON.parse(localStorage.getItem('polaris-session') ?? '{}') as {
          access_token: string;
        };
        const response = await fetch(to, {
          method: 'POST',
          headers: { authorization: `Bearer ${session.access_token}`, 'content-type': 'application/json' },
          body: JSON.stringify(sent),
        });
        return response.json() as Promise<unknown>;
      },
      [path, body] as const,
    );
  const settings = { url: receiver.url, description: 'Made by the API', events: { report_types: ['org'] } };
  const made = createdEndpoint.parse(await call('/api/endpoints', { request_id: randomUUID(), settings }));
  receiver.useSecret(made.secret);
  const { endpoint_id: id } = made.endpoint;
  const checked = checkedEndpoint.parse(
    await call(`/api/endpoints/actions?action=check&endpoint_id=${id}`, {}),
  );
  expect(checked.passed).toBe(true);
  return id;
}

async function create(page: Page, receiver: OutwardReceiver): Promise<string> {
  await page.getByLabel('URL').fill(receiver.url);
  await page.getByLabel('Description').fill('The learning platform of Harbour');
  await panel(page, 'Settings').getByRole('checkbox', { name: 'Org' }).check();
  await page.getByRole('button', { name: 'Create subscriber' }).click();
  const secret = await page.getByText(/^whsec_/).textContent();
  await expect(page.getByText(/^pet_/)).toBeVisible();
  expect(secret).not.toBeNull();
  return secret ?? '';
}

test('a subscriber is created, checked, sent events, paused and resumed', async ({
  page,
  dev,
  sql,
  context,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await using receiver = await startOutwardReceiver();
  await signIn(page, dev, 'operator', '/subscribers');
  await expect(page.getByText('No subscriber yet')).toBeVisible();
  await page.getByRole('link', { name: 'New subscriber' }).click();

  // What is wrong with a filter is said while it is typed.
  await page.getByLabel('Filter').fill('{"exact": {"colour": "red"}}');
  await expect(page.getByText(/exact › colour must be/)).toBeVisible();
  await page.getByLabel('Filter').fill('');
  await inspect(page, 'subscriber-new');

  const secret = await create(page, receiver);
  await page.getByRole('button', { name: 'Copy the secret' }).click();
  await expect(page.getByText('✓ copied')).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
  await inspect(page, 'subscriber-secret');
  await page.getByRole('button', { name: 'Copy the read token' }).click();
  await page.getByRole('button', { name: 'Open the subscriber' }).click();

  const verdict = page.getByRole('region', { name: 'Verdict' });
  await expect(verdict).toContainText('Unverified: it has not passed a check yet');
  // Without the secret its receiver refuses the ping.
  await verdict.getByRole('button', { name: 'Check' }).click();
  const check = panel(page, 'Last check');
  await expect(check).toContainText('Failed');
  await expect(check).toContainText('What to do:');
  receiver.useSecret(secret);
  await verdict.getByRole('button', { name: 'Check' }).click();
  await expect(verdict).toContainText('Active.');
  await expect(check).toContainText('Passed');
  await expect(check.getByRole('listitem')).toHaveCount(8);

  const first = await addResult(dev, sql);
  await expect.poll(() => receiver.events.map(({ reportId }) => reportId)).toEqual([first]);
  await expect(verdict).toContainText('The last one was delivered');
  await expect(verdict).toContainText('Nothing waits.');

  await verdict.getByRole('button', { name: 'Pause sending' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Pause sending' }).click();
  await expect(verdict).toContainText('by an operator');
  const second = await addResult(dev, sql);
  await expect(verdict).toContainText('1 delivery waits, and nothing is lost: the oldest expires');
  await expect(panel(page, 'Deliveries that are not confirmed').getByRole('row')).toHaveCount(2);
  await inspect(page, 'subscriber-paused');
  expect(receiver.events).toHaveLength(1);
  await verdict.getByRole('button', { name: 'Resume sending' }).click();
  await expect(verdict).toContainText('Active.');
  await expect
    .poll(() => receiver.events.map(({ reportId }) => reportId), { timeout: 120_000 })
    .toEqual([first, second]);
  await inspect(page, 'subscriber');
  await page.getByRole('link', { name: 'All subscribers' }).click();
  await expect(page.getByRole('table', { name: 'Subscribers' })).toContainText('active');
  await inspect(page, 'subscribers');
});

test('compression is asked for, is not in use while its probe fails, and is in use once it passes', async ({
  page,
  dev,
}) => {
  await using receiver = await startOutwardReceiver();
  await signIn(page, dev, 'operator', '/subscribers');
  await page.getByRole('link', { name: 'New subscriber' }).click();
  await page.getByRole('radio', { name: 'gzip' }).check();
  receiver.useSecret(await create(page, receiver));
  await page.getByRole('button', { name: 'Copy the secret' }).click();
  await page.getByRole('button', { name: 'Copy the read token' }).click();
  await page.getByRole('button', { name: 'Open the subscriber' }).click();
  const settings = panel(page, 'Settings');
  await expect(settings).toContainText('gzip, but not in use: no check has tested it yet.');

  const verdict = page.getByRole('region', { name: 'Verdict' });
  const check = panel(page, 'Last check');
  await verdict.getByRole('button', { name: 'Check' }).click();
  await expect(verdict).toContainText('Active.');
  await expect(check).toContainText('Passed');
  await expect(check).toContainText('It did not accept a signed ping in gzip: answered 401.');
  await expect(settings).toContainText('gzip, but not in use: the last check names the reason and the fix.');
  await inspect(page, 'subscriber-compression');

  receiver.decompress();
  await verdict.getByRole('button', { name: 'Check' }).click();
  await expect(check).toContainText('It answered a signed ping in gzip with its nonce');
  await expect(settings).toContainText('gzip, of bodies of 1 KB and more');
});

test('who got an event is said, and a replay is proposed, previewed and applied', async ({
  page,
  dev,
  sql,
}) => {
  await using receiver = await startOutwardReceiver();
  await signIn(page, dev, 'operator', '/subscribers');
  const id = await addChecked(page, receiver);
  const reports = [await addResult(dev, sql), await addResult(dev, sql)];
  await expect
    .poll(() => receiver.events.map(({ reportId }) => reportId).toSorted())
    .toEqual(reports.toSorted());

  await page.goto(new URL(`/report?report_type=org&report_id=${reports[0]}`, dev.url).href);
  await page.getByText(/^prelim completed, /).click();
  const receivers = page.getByRole('list', { name: 'Receivers' });
  await expect(
    receivers.getByRole('listitem').filter({ has: page.locator(`a[href="/subscribers/${id}"]`) }),
  ).toContainText(/got it.*It was delivered/);
  await inspect(page, 'report-receivers');

  await page.goto(new URL(`/subscribers/${id}`, dev.url).href);
  await page.getByRole('link', { name: 'Replay past events' }).click();
  await expect(page.getByRole('checkbox', { name: new RegExp(id) })).toBeChecked();
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect(page.getByText('Give a reason: it is stored with the plan.')).toBeVisible();
  await page.getByLabel('Reason').fill('The receiver lost its database');
  await inspect(page, 'replay-propose');
  await page.getByRole('button', { name: 'Preview' }).click();
  const replay = page.getByRole('list', { name: 'Replays' }).getByRole('listitem', { name: /^Replay to/ });
  const deliveries = /Sends \d+ events? in (\d+) deliver/;
  await expect(replay).toContainText(deliveries);
  await expect(replay).toContainText('2 of them are confirmed already');
  await inspect(page, 'replay-proposed');
  const [, count] = deliveries.exec(await replay.innerText()) ?? [];
  await replay.getByRole('button', { name: /^Apply/ }).click();
  await expect
    .poll(() => receiver.events.filter((event) => event.replay !== undefined).length, { timeout: 150_000 })
    .toBe(Number(count));
  await expect(replay).toContainText(`${count} of ${count} made due`);
  await expect(replay.getByText('done', { exact: true })).toBeVisible();
});

test('a replay is cancelled before it has sent anything, and one that was only proposed', async ({
  page,
  dev,
  sql,
}) => {
  await using receiver = await startOutwardReceiver();
  await signIn(page, dev, 'operator', '/subscribers');
  const id = await addChecked(page, receiver);
  const reportId = await addResult(dev, sql);
  await expect.poll(() => receiver.events.length).toBe(1);
  const replay = page
    .getByRole('list', { name: 'Replays' })
    .getByRole('listitem', { name: /^Replay to/ })
    .filter({ has: page.locator(`a[href="/subscribers/${id}"]`) })
    .first();
  const cancel = replay.getByRole('button', { name: /^Cancel/ });
  async function propose(): Promise<void> {
    await page.goto(new URL(`/replays?endpoint=${id}`, dev.url).href);
    await page.getByLabel('Reason').fill(`A mistake about ${reportId}`);
    await page.getByRole('button', { name: 'Preview' }).click();
    await expect(replay.getByRole('button', { name: /^Apply/ })).toBeVisible();
  }

  await propose();
  await cancel.click();
  await expect(replay.getByText('cancelled', { exact: true })).toBeVisible();
  await expect(cancel).toHaveCount(0);

  await propose();
  await sql.begin(async (held) => {
    // A replay waits for the transactions before it: while this one is open, it has sent nothing.
    await held`select pg_current_xact_id()`;
    await replay.getByRole('button', { name: /^Apply/ }).click();
    await expect(replay.getByText('running', { exact: true })).toBeVisible();
    await cancel.click();
    await expect(replay.getByText('cancelled', { exact: true })).toBeVisible();
  });
  expect(receiver.events).toHaveLength(1);
});

import type { Page } from '@playwright/test';
import { expect, inspect, signIn, test } from './support/test.ts';

async function createFromExample(page: Page, type: string): Promise<void> {
  await page.getByRole('radio', { name: type }).check();
  const example = page.getByLabel('Example');
  await example.selectOption({ index: 1 });
  await expect(page.getByLabel('Organisation name')).not.toHaveValue('');
  await page.getByRole('button', { name: 'Create report' }).click();
  await expect(page.getByText(`${type} report, created`)).toBeVisible();
}

const verdict = (page: Page) => page.getByRole('region', { name: 'Verdict' });

for (const type of ['Greeting', 'Org', 'Requirement']) {
  test(`a ${type.toLowerCase()} report is made, and its prelim arrives by itself`, async ({ page, dev }) => {
    await signIn(page, dev, 'user', '/debug');
    await createFromExample(page, type);
    await expect(verdict(page)).toContainText('Nothing has been written yet: start a job below.');
    await page.getByRole('button', { name: 'Start prelim job' }).click();
    await expect(page.getByRole('progressbar').or(page.getByText('succeeded')).first()).toBeVisible();
    await expect(verdict(page)).toContainText('Your preliminary report is here.');
    await expect(page.getByRole('heading', { name: /Preliminary/ })).toBeVisible();
  });
}

test('prelim and final are compared, and the owner is notified of the final', async ({ page, dev, sql }) => {
  await signIn(page, dev, 'user', '/debug');
  await inspect(page, 'debug-new-report');
  await createFromExample(page, 'Org');
  await page.getByRole('button', { name: 'Start prelim job' }).click();
  await expect(verdict(page)).toContainText('Your preliminary report is here.');
  await page.getByRole('button', { name: 'Start final job' }).click();
  await expect(verdict(page)).toContainText('Your final report is here.');
  // A prelim would never replace it.
  await expect(page.getByRole('button', { name: 'Start prelim job' })).toHaveCount(0);
  await inspect(page, 'report-of-owner');
  await page.getByRole('radio', { name: 'What changed' }).check();
  await expect(page.getByText(/^From prelim to final: /)).toBeVisible();
  await expect(page).toHaveURL(/show=changes/);
  await inspect(page, 'report-changes');
  // The comparison has an address.
  await page.reload();
  await expect(page.getByText(/^From prelim to final: /)).toBeVisible();
  await page.getByRole('radio', { name: 'Prelim and final' }).check();
  await expect(
    page.getByRole('region', { name: 'Prelim', exact: true }).getByRole('heading').first(),
  ).toBeVisible();
  await expect(
    page.getByRole('region', { name: 'Final', exact: true }).getByRole('heading').first(),
  ).toBeVisible();
  await inspect(page, 'report-side-by-side');

  const views = page.getByRole('navigation', { name: 'Views' });
  // Its page was open when it came, which counts as read; this one comes later.
  await sql`update public.report_notifications set read_at = null where user_id = ${dev.user.id}`;
  await views.getByRole('link', { name: /Notifications/ }).click();
  await expect(views.getByRole('link', { name: /Notifications \d/ })).toBeVisible();
  const first = page.locator('main').getByRole('listitem').first();
  await expect(first).toContainText('Unread: final Org report, ready');
  await inspect(page, 'notifications');
  // It is named by its report, and read when that is opened.
  const name = (await first.getByRole('link').textContent()) ?? '';
  await first.getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
  await expect(page.getByText(name).first()).toBeVisible();
  await views.getByRole('link', { name: /Notifications/ }).click();
  await expect(first.getByRole('link')).toHaveText(name);
  await expect(first).not.toContainText('Unread');
  const [{ count } = { count: 0 }] = await sql<{ count: number }[]>`
    select count(*)::int as count from public.report_notifications where user_id = ${dev.user.id} and read_at is null`;
  if (count > 0) await page.getByRole('button', { name: 'Mark all as read' }).click();
  await expect(views.getByRole('link', { name: /^Notifications$/ })).toBeVisible();
  await views.getByRole('link', { name: 'Reports', exact: true }).click();
  await expect(page.getByRole('table').getByText('final').first()).toBeAttached();
  await inspect(page, 'my-reports');
});

test('a form that is not right says where', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/debug');
  await page.getByRole('button', { name: 'Create report' }).click();
  await expect(page.getByLabel('Full name')).toBeFocused();
  await expect(page.getByLabel('Full name')).toHaveAccessibleDescription('Full name is required.');
  await inspect(page, 'debug-invalid');
  await page.getByLabel('Years in role').fill('many');
  await page.getByLabel('Other fields, as JSON').fill('{"contact": {"email": 1}}');
  await page.getByRole('button', { name: 'Create report' }).click();
  await expect(page.getByLabel('Years in role')).toHaveAccessibleDescription(/expected number/i);
  await expect(page.getByLabel('Other fields, as JSON')).toHaveAccessibleDescription(
    /contact\.email: .*expected string/,
  );
});

test('a job that runs is cancelled', async ({ page, dev, sql }) => {
  await signIn(page, dev, 'user', '/debug');
  await createFromExample(page, 'Greeting');
  const reportId = new URL(page.url()).searchParams.get('report_id') ?? '';
  // The generator is too fast to be caught: a job that waits for a result from elsewhere is not.
  const answer = await page.request.post(new URL('/api/reportJobsDb', dev.url).href, {
    headers: { authorization: `Bearer ${dev.pipelineApiKey}` },
    data: { prompt: 'x', report_type: 'greeting', report_id: reportId, generate: false },
  });
  expect(answer.status()).toBe(202);
  const { job_id } = (await answer.json()) as { job_id: string };
  // The person's own, as if they had asked for it.
  await sql`update private.job_runs set caller = ${dev.user.id}, user_id = ${dev.user.id},
    percent = 40, eta_seconds = 12 where job_id = ${job_id}`;
  await page.reload();
  await expect(page.getByRole('progressbar', { name: 'Prelim job' })).toHaveAttribute('value', '40');
  await expect(page.getByText('about 12 s left')).toBeVisible();
  await inspect(page, 'report-job-running');
  await sql`update private.job_runs set percent = 70, eta_seconds = 6 where job_id = ${job_id}`;
  await expect(page.getByText('70 %')).toBeVisible();
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await expect(page.getByText('cancelled', { exact: true })).toBeVisible();
  await expect(page.getByRole('status').getByText('The job is cancelled')).toBeVisible();
});

test('a finished text is the report at once, and nothing in it runs', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/debug');
  const hostile = [
    '# <script>alert(1)</script> title',
    '<img src=x onerror="alert(2)"><iframe src="https://evil.example"></iframe>',
    '![picture](https://evil.example/pixel.png)',
    '[press](javascript:alert(3)) [go](https://example.com)',
    `\u202Eright to left\u202C and ${'x'.repeat(5000)}`,
    '<style>body { display: none }</style>',
  ].join('\n\n');
  const title = `\u202E"><img src=x onerror=alert(4)>${'W'.repeat(250)}`;
  await page.getByLabel('Full name').fill(title);
  await page.getByLabel('Job title').fill('<b>bold</b>');
  await page.getByLabel('Organisation name').fill('مؤسسة <script>alert(5)</script>');
  await page.getByText('I already have the text').click();
  await page.getByLabel('Text optional').fill(hostile);
  await page.getByRole('radio', { name: 'Final' }).check();
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  const strangers: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('evil.example')) strangers.push(request.url());
  });
  await page.getByRole('button', { name: 'Create report' }).click();
  await expect(page.getByText('<script>alert(1)</script> title')).toBeVisible();
  await expect(page.getByText('onerror="alert(2)"')).toBeVisible();
  await expect(page.getByRole('link', { name: 'go', exact: true })).toHaveAttribute('rel', /noopener/);
  await expect(page.getByRole('link', { name: 'Image: picture' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'press' })).toHaveCount(0);
  await expect(page.locator('main iframe, main script, main style, main img')).toHaveCount(0);
  await inspect(page, 'report-hostile');
  await page.goto(new URL('/reports', dev.url).href);
  await expect(page.getByText('onerror=alert(4)').first()).toBeVisible();
  await inspect(page, 'my-reports-hostile');
  expect(dialogs).toEqual([]);
  expect(strangers).toEqual([]);
});

test('the whole way with the keyboard alone: sign in, create, start, read, sign out', async ({
  page,
  dev,
}) => {
  const press = (key: string) => page.keyboard.press(key);
  /** Moves on with Tab until the control has the focus; a control that cannot be reached fails. */
  async function tabTo(name: RegExp): Promise<void> {
    for (let steps = 0; steps < 60; steps += 1) {
      await press('Tab');
      const label = await page.evaluate(() => {
        const element = document.activeElement;
        if (element === null) return '';
        const labels = element instanceof HTMLInputElement ? [...(element.labels ?? [])] : [];
        return element.getAttribute('aria-label') ?? labels[0]?.textContent ?? element.textContent;
      });
      if (name.test(label)) return;
    }
    throw new Error(`${String(name)} cannot be reached`);
  }

  await page.goto(new URL('/reports', dev.url).href);
  await expect(page.getByLabel('E-mail')).toBeFocused();
  await page.keyboard.type(dev.user.email);
  await press('Tab');
  await page.keyboard.type(dev.user.password);
  await press('Enter');
  await expect(page.getByRole('heading', { name: 'My reports' })).toBeVisible();

  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await tabTo(/^New report$/);
  await press('Enter');
  await expect(page.getByRole('heading', { name: 'New report', level: 1 })).toBeVisible();
  await tabTo(/^Greeting$/);
  await press('ArrowRight');
  await expect(page.getByRole('radio', { name: 'Org' })).toBeChecked();
  await tabTo(/^Organisation name/);
  await page.keyboard.type('Keyboard & Sons');
  await press('Tab');
  await page.keyboard.type('Printing');
  await press('Enter');
  await expect(page.getByRole('heading', { name: 'Keyboard & Sons', level: 1 })).toBeVisible();
  await expect(page.getByRole('main')).toBeFocused();
  await tabTo(/^Start prelim job$/);
  await press('Enter');
  await expect(verdict(page)).toContainText('Your preliminary report is here.');
  await expect(page.getByRole('heading', { name: /Preliminary/ })).toBeVisible();
  await tabTo(/^Sign out$/);
  await press('Enter');
  await expect(page.getByLabel('E-mail')).toBeVisible();
});

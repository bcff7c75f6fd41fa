import { randomUUID } from 'node:crypto';
import { expect, signIn, test } from './support/test.ts';

const VIEWS = ['/reports', '/notifications', '/debug', '/monitor', '/deliveries', '/audit', '/trace'];

test('a user sees only what is theirs, in the page and in the network’s answers', async ({
  page,
  dev,
  sql,
}) => {
  // Another user's report, whose text must appear nowhere.
  const secret = `neighbour ${randomUUID()}`;
  const [neighbour] = await sql<{ id: string }[]>`
    insert into public.greeting_reports (user_id, user_data, research_report)
    values (${dev.operator.id}, ${sql.json({ full_name: secret })}, ${secret}) returning id`;
  const id = neighbour?.id ?? '';
  expect(id).not.toBe('');

  const answers: string[] = [];
  const reading: Promise<void>[] = [];
  page.on('response', (response) => {
    if (!/\/(rest|api)\//.test(response.url())) return;
    // A page that is left takes the bodies of its answers with it.
    reading.push(
      response.text().then(
        (text) => void answers.push(text),
        () => undefined,
      ),
    );
  });

  await signIn(page, dev, 'user', VIEWS[0]);
  for (const view of [...VIEWS, `/report?report_type=greeting&report_id=${id}`]) {
    await page.goto(new URL(view, dev.url).href);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await page.waitForLoadState('networkidle');
    expect(await page.content(), view).not.toContain(secret);
  }
  await expect(page.getByText('The requested item does not exist')).toBeVisible();
  await Promise.all(reading);
  expect(answers.length).toBeGreaterThan(5);
  expect(answers.filter((text) => text.includes(secret))).toEqual([]);
});

test('an operator reads a report of somebody else, and starts nothing for them', async ({
  page,
  dev,
  sql,
}) => {
  const [row] = await sql<{ id: string }[]>`
    insert into public.org_reports (user_id, user_data)
    values (${dev.user.id}, ${sql.json({ organisation_name: 'Theirs', industry: 'x' })}) returning id`;
  await signIn(page, dev, 'operator', `/report?report_type=org&report_id=${row?.id ?? ''}`);
  await expect(page.getByText('Only the owner can start jobs for this report.')).toBeVisible();
  await expect(page.getByRole('button', { name: /Start/ })).toHaveCount(0);
});

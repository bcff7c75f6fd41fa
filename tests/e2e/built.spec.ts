import { startBuiltConsole } from './support/built-console.ts';
import { expect, inspect, signIn, test } from './support/test.ts';

test('the built console works under the headers that it is deployed with', async ({ page, dev }) => {
  await using built = await startBuiltConsole(dev);
  const home = await page.request.get(built.url);
  const policy = home.headers()['content-security-policy'];
  expect(policy).toContain("default-src 'self'");
  expect(policy).not.toContain('unsafe');
  expect(policy).not.toContain('nonce');

  await signIn(page, { ...dev, url: built.url }, 'operator', '/debug');
  await page.getByLabel('Example').selectOption({ index: 1 });
  await expect(page.getByLabel('Full name')).not.toHaveValue('');
  await page.getByRole('button', { name: 'Create report' }).click();
  await page.getByRole('button', { name: 'Start final job' }).click();
  await expect(page.getByRole('region', { name: 'Verdict' })).toContainText('Its delivery succeeded');
  await expect(page.getByRole('heading', { name: /Final brief/ })).toBeVisible();
  await inspect(page, 'built-report');
  const views = page.getByRole('navigation', { name: 'Views' });
  for (const name of ['Overview', 'Deliveries', 'Jobs', 'Reports', 'Audit']) {
    await views.getByRole('link', { name }).click();
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await page.waitForLoadState('networkidle');
  }
  // The console asks again and again; its server ends with this test.
  await page.goto('about:blank');
});

import { expect, inspect, signIn, test } from './support/test.ts';

test('the console works under the headers that it is deployed with', async ({ page, dev }) => {
  const home = await page.request.get(dev.url);
  const policy = home.headers()['content-security-policy'];
  expect(policy).toContain("default-src 'self'");
  expect(policy).not.toContain('unsafe');
  expect(policy).not.toContain('nonce');

  await signIn(page, dev, 'operator', '/debug');
  await page.getByLabel('Example').selectOption({ index: 1 });
  await expect(page.getByLabel('Full name')).not.toHaveValue('');
  await page.getByRole('button', { name: 'Create report' }).click();
  await page.getByRole('button', { name: 'Start final job' }).click();
  await expect(page.getByRole('region', { name: 'Verdict' })).toContainText('Its delivery succeeded');
  await expect(page.getByRole('heading', { name: /Final brief/ })).toBeVisible();
  await inspect(page, 'deployed-report');
});

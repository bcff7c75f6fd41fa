import { expect, signIn, test } from './support/test.ts';

// All other tests use the built console, under the headers that it is deployed with.
test('the console under Vite works under the same headers, with a nonce for what Vite inserts', async ({
  page,
  vite,
}) => {
  const home = await page.request.get(vite.url);
  const policy = home.headers()['content-security-policy'];
  expect(policy).toContain("default-src 'self'");
  expect(policy).toContain("'nonce-");
  expect(policy).not.toContain('unsafe');

  await signIn(page, vite, 'operator', '/monitor');
  const views = page.getByRole('navigation', { name: 'Views' });
  for (const name of ['Deliveries', 'Jobs', 'Reports', 'Audit', 'Overview']) {
    const link = views.getByRole('link', { name, exact: true });
    await link.click();
    await expect(link).toHaveAttribute('aria-current', 'page');
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  }
});

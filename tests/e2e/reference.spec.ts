import { expect, inspect, signIn, test } from './support/test.ts';

test('the OpenAPI document is served among the functions, and as a page to people who are not signed in', async ({
  page,
  dev,
}) => {
  const answer = await page.request.get(`${dev.url}/api/openapi.json`);
  expect(answer.headers()['content-type']).toContain('application/json');
  expect(await answer.json()).toMatchObject({ openapi: '3.1.0', paths: { '/api/health': {} } });

  await page.goto(`${dev.url}/reference.html`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Polaris report webhooks');
  const contents = page.getByRole('navigation', { name: 'Contents' });
  await contents.getByRole('link', { name: 'POST /api/webhooks/retry' }).click();
  await expect(page.getByRole('heading', { name: 'POST /api/webhooks/retry' })).toBeInViewport();
  await page.getByRole('link', { name: 'RetryRequest' }).click();
  await expect(page.getByRole('heading', { name: 'RetryRequest' })).toBeInViewport();
  await page.emulateMedia({ media: 'print' });
  await expect(contents).toBeHidden();
  await expect(page.getByRole('heading', { name: 'RetryRequest' })).toBeVisible();
  await page.emulateMedia({ media: 'screen' });

  // All articles come from one generator. Axe takes minutes for all of them, and finds in three of a room what it finds in more.
  await page.evaluate(() => {
    for (const article of document.querySelectorAll('section article:nth-of-type(n + 4)')) article.remove();
  });
  await inspect(page, 'reference');
});

test('the console leads operators to the reference', async ({ page, dev }) => {
  await signIn(page, dev, 'operator', '/subscribers');
  await page.getByRole('link', { name: 'API reference' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Polaris report webhooks');
});

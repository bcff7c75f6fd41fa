import { expect, inspect, signIn, test } from './support/test.ts';

test('wrong credentials say what to do', async ({ page, dev, complaints }) => {
  await page.goto(dev.url);
  await expect(page).toHaveTitle(/Sign in/);
  await page.getByLabel('E-mail').fill(dev.user.email);
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert').filter({ hasText: 'E-mail or password is wrong' })).toBeVisible();
  await inspect(page, 'sign-in-refused');
  // The browser itself reports the refused request.
  expect(complaints.splice(0)).toEqual([expect.stringMatching(/status of 4\d\d/)]);
});

test('the sign-in is plain', async ({ page, dev }) => {
  await page.goto(dev.url);
  await expect(page.getByLabel('E-mail')).toBeFocused();
  await inspect(page, 'sign-in');
});

test('an operator lands on the overview, and finds every view', async ({ page, dev }) => {
  await signIn(page, dev, 'operator');
  await expect(page).toHaveURL(/\/monitor$/);
  const views = page.getByRole('navigation', { name: 'Views' });
  for (const name of ['Deliveries', 'Jobs', 'Reports', 'Audit', 'Alerts', 'Overview']) {
    await views.getByRole('link', { name }).click();
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(views.getByRole('link', { name })).toHaveAttribute('aria-current', 'page');
    await expect(page.locator('main')).toBeFocused();
  }
});

test('an owner who opens an operator’s view is told whom to ask', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/audit?search=x');
  await expect(page.getByRole('heading', { name: 'Only for operators' })).toBeVisible();
  await expect(page.getByText(dev.user.email).first()).toBeVisible();
  await inspect(page, 'no-access');
  await page.getByRole('link', { name: 'your reports' }).click();
  await expect(page).toHaveURL(/\/reports$/);
  await expect(page.getByRole('link', { name: 'Audit' })).toHaveCount(0);
});

test('an address that is none says so', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/nowhere');
  await expect(page.getByText('Page not found')).toBeVisible();
  await inspect(page, 'not-found');
});

test('a session is kept, and ends with a sign-out', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/notifications');
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Notifications' })).toBeVisible();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(page.getByText('Use your account on the platform.')).toBeVisible();
  await page.reload();
  await expect(page.getByLabel('E-mail')).toBeVisible();
});

test('a sign-out everywhere ends the sessions of other browsers, which say so and keep the address', async ({
  page,
  dev,
  browser,
}) => {
  await using other = await browser.newContext();
  const elsewhere = await other.newPage();
  await signIn(elsewhere, dev, 'user', '/reports');
  await signIn(page, dev, 'user', '/reports');
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  const dialog = page.getByRole('alertdialog');
  await expect(dialog.getByRole('heading')).toHaveText('Sign out everywhere?');
  await inspect(page, 'sign-out-everywhere');
  await dialog.getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(page.getByText('Use your account on the platform.')).toBeVisible();

  await elsewhere.reload();
  await expect(elsewhere.getByText('Your session has ended. Sign in to continue.')).toBeVisible();
  await expect(elsewhere.getByLabel('E-mail')).toHaveValue(dev.user.email);
});

test('a failed sign-out everywhere says so, and keeps the session', async ({
  page,
  dev,
  context,
  complaints,
}) => {
  await signIn(page, dev, 'user', '/reports');
  await context.route('**/auth/v1/logout**', (route) => route.abort());
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(page.getByText('You are still signed in everywhere')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).not.toHaveText(/Sign in/);
  expect(complaints.splice(0).filter((text) => !/ERR_FAILED|Failed to fetch/.test(text))).toEqual([]);
});

test('a sign-out takes effect although Auth does not answer', async ({ page, dev, context, complaints }) => {
  await signIn(page, dev, 'user', '/reports');
  await context.route('**/auth/v1/logout**', (route) => route.abort());
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(page.getByLabel('E-mail')).toBeVisible();
  await page.reload();
  await expect(page.getByLabel('E-mail')).toBeVisible();
  expect(complaints.splice(0).filter((text) => !/ERR_FAILED|Failed to fetch/.test(text))).toEqual([]);
});

test('a lost session says so, and goes on at the same view', async ({ page, dev, complaints }) => {
  await signIn(page, dev, 'user', '/debug?report_type=org');
  // A token that nobody signed, in place of the one that was stored.
  await page.evaluate(() => {
    const key = 'polaris-session';
    const stored = JSON.parse(localStorage.getItem(key) ?? '{}') as Record<string, unknown>;
    const [head, payload] = String(stored['access_token']).split('.');
    localStorage.setItem(key, JSON.stringify({ ...stored, access_token: `${head}.${payload}.AAAA` }));
  });
  await page.reload();
  await expect(page.getByText('Your session has ended. Sign in to continue.')).toBeVisible();
  await page.getByLabel('E-mail').fill(dev.user.email);
  await page.getByLabel('Password').fill(dev.user.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'New report', level: 1 })).toBeVisible();
  await expect(page).toHaveURL(/report_type=org/);
  expect(complaints.splice(0).filter((text) => !/status of 4\d\d/.test(text))).toEqual([]);
});

test('a theme that was chosen is kept', async ({ page, dev }) => {
  await signIn(page, dev, 'user', '/reports');
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await background();
  await page.getByRole('radio', { name: 'Dark' }).check();
  await expect.poll(background).not.toBe(light);
  const dark = await background();
  await page.reload();
  await expect(page.getByRole('radio', { name: 'Dark' })).toBeChecked();
  expect(await background()).toBe(dark);
});

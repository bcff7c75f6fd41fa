import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect, type Page } from '@playwright/test';
import { join } from 'node:path';
import postgres from 'postgres';
import type { DevFile } from '../../../src/contracts/dev.ts';
import { startBuiltConsole } from './built-console.ts';
import { startLocalSystem } from './local-system.ts';
import { SCREENSHOTS } from './paths.ts';

export { expect };

type Role = 'operator' | 'user';

interface Fixtures {
  /** What the browser complained of; a test that leaves anything in it fails. */
  complaints: string[];
}

interface WorkerFixtures {
  /** What dev.json holds, of the local system that is this worker's alone. */
  vite: DevFile;
  /** The same with the console as it is deployed, whose pages load in a fraction of the time. */
  dev: DevFile;
  /** The database, past all rights: to seed, and to look. */
  sql: postgres.Sql;
}

const START_MS = 240_000;

/** Every page of every test is watched: errors in the console, uncaught ones, and violations of the policy fail it. */
export const test = base.extend<Fixtures, WorkerFixtures>({
  vite: [
    async ({}, use, { workerIndex }) => {
      const { dev, stop } = await startLocalSystem(String(workerIndex));
      try {
        await use(dev);
      } finally {
        await stop();
      }
    },
    { scope: 'worker', timeout: START_MS },
  ],
  dev: [
    async ({ vite }, use) => {
      await using built = await startBuiltConsole(vite);
      await use({ ...vite, url: built.url });
    },
    { scope: 'worker', timeout: START_MS },
  ],
  sql: [
    async ({ dev }, use) => {
      const sql = postgres(dev.databaseUrl, { max: 2, onnotice: () => undefined });
      await use(sql);
      await sql.end();
    },
    { scope: 'worker' },
  ],
  complaints: [
    async ({ context }, use) => {
      const complaints: string[] = [];
      context.on('console', (message) => {
        if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
      });
      context.on('weberror', (error) => complaints.push(`uncaught: ${error.error().message}`));
      await context.exposeFunction('complainOfPolicy', (text: string) => complaints.push(`policy: ${text}`));
      await context.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
          const { complainOfPolicy } = window as unknown as { complainOfPolicy: (text: string) => void };
          complainOfPolicy(`${event.violatedDirective} ${event.blockedURI}`);
        });
      });
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

/** Opens a view at its address and signs in there, as a person with a link would. */
export async function signIn(page: Page, dev: DevFile, role: Role, path = '/'): Promise<void> {
  await page.goto(new URL(path, dev.url).href);
  await page.getByLabel('E-mail').fill(dev[role].email);
  await page.getByLabel('Password').fill(dev[role].password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { level: 1 })).not.toHaveText(/Sign in/);
}

export const WIDTHS = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } } as const;
const LONGEST_PICTURE = 3000;
const SCHEMES = ['light', 'dark'] as const;
/** The rules of axe that another theme can break. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

/** Until the page has been painted since: axe would measure the text of one theme on the background of the other. */
const painted = () =>
  new Promise<void>((resolve) => {
    requestAnimationFrame(() => requestAnimationFrame(() => resolve()));
  });

/**
 * Looks at what is on the page at both widths in both themes: axe finds nothing, nothing is wider than the screen, and a
 * picture of each is kept. `name`: the view's, for the files.
 */
export async function inspect(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  for (const [width, size] of Object.entries(WIDTHS)) {
    await page.setViewportSize(size);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.evaluate(painted);
      // In legacy mode it opens no other page for its result; here no page has frames.
      const axe = new AxeBuilder({ page }).setLegacyMode();
      if (colorScheme === 'dark') axe.withRules(COLOUR_RULES);
      const { violations } = await axe.analyze();
      const found = violations.map(
        ({ id, nodes }) =>
          `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`).join(' ')}`,
      );
      expect(found, `axe, ${name}, ${width}, ${colorScheme}`).toEqual([]);
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.screenshot({
        path: join(SCREENSHOTS, `${name}-${width}-${colorScheme}.png`),
        // Of a long report the beginning is enough.
        fullPage: height < LONGEST_PICTURE,
      });
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow, `${name} is wider than the ${width}`).toBeLessThanOrEqual(0);
  }
  if (before !== null) await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: 'light' });
}

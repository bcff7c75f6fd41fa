import { join } from 'node:path';
import { projectRoot } from '../../../tools/local/paths.ts';

/** Hands what dev.json held on to the workers. */
export const ACCESS_VARIABLE = 'POLARIS_E2E_ACCESS';

/** One picture of each view, theme and width. */
export const SCREENSHOTS = join(projectRoot, 'test-results/screenshots');

import { join } from 'node:path';
import { projectRoot } from '../../../tools/local/paths.ts';

export const RESULTS = join(projectRoot, 'test-results');

/** One picture of each view, theme and width. */
export const SCREENSHOTS = join(RESULTS, 'screenshots');

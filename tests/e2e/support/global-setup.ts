import { mkdir, rm } from 'node:fs/promises';
import { SCREENSHOTS } from './paths.ts';

/** No picture of an earlier run is left. */
export default async function setup(): Promise<void> {
  await rm(SCREENSHOTS, { recursive: true, force: true });
  await mkdir(SCREENSHOTS, { recursive: true });
}

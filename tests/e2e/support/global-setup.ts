import { mkdir, rm } from 'node:fs/promises';
import { SCREENSHOTS } from './paths.ts';

/** Deletes the pictures of earlier runs. */
export default async function setup(): Promise<void> {
  await rm(SCREENSHOTS, { recursive: true, force: true });
  await mkdir(SCREENSHOTS, { recursive: true });
}

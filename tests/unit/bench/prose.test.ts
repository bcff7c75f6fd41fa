import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { prose } from '../../../tools/bench/prose.ts';

it.each([
  [6 * 1024, 2.5, 3.5],
  [200 * 1024, 3, 4.5],
])('a text of %i bytes compresses about as a report does', (bytes, least, most) => {
  const text = prose(bytes, 12);
  expect(Buffer.byteLength(text)).toBe(bytes);
  const ratio = bytes / gzipSync(text).length;
  expect(ratio).toBeGreaterThan(least);
  expect(ratio).toBeLessThan(most);
});

it('a number has the same text in every run', () => {
  // Figures of two runs compare only if their texts do: change this with the figures in docs/benchmarks.md.
  expect(createHash('sha256').update(prose(6144, 3)).digest('hex').slice(0, 16)).toBe('34f1c19e6e9b4f9e');
});

it('texts of numbers that follow each other have nothing in common', () => {
  const [three, four] = [prose(6000, 3), prose(6000, 4)];
  // Together they compress as two texts do, not as one that is said twice.
  expect(gzipSync(three + four).length).toBeGreaterThan(1.5 * gzipSync(three).length);
});

it('has a text of the asked length for every number', () => {
  for (const number of [0, 1, 9_999, 1_000_000]) {
    expect(prose(900_000, number)).toHaveLength(900_000);
  }
});

import { describe, expect, it } from 'vitest';
import { excerpt } from '../../../src/server/generation/excerpt.ts';

describe('an excerpt', () => {
  it.each([
    ['short', 5, 'short'],
    ['longer text', 6, 'longer…'],
    ['longer text', 7, 'longer…'],
    ['ab👩‍👩‍👧cd', 4, 'ab…'],
    ['ab👩‍👩‍👧cd', 10, 'ab👩‍👩‍👧…'],
    ['नमस्ते दुनिया', 5, 'नम…'],
    ['नमस्ते दुनिया', 6, 'नमस्ते…'],
    ['👩‍👩‍👧', 3, '…'],
  ])('of %j in %d units is %j', (text, maxLength, expected) => {
    expect(excerpt(text, maxLength)).toBe(expected);
  });
});

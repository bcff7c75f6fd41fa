import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import { ChangedText } from '../../src/console/views/report/comparison.tsx';
import { compareTexts } from '../../src/console/views/report/diff.ts';
import { fileNameOf } from '../../src/console/views/report/result.tsx';

afterEach(cleanup);

/** Added words in +…+, removed ones in -…-. */
function show(before: string, after: string): string[] {
  const marks = { same: '', added: '+', removed: '-' } as const;
  return compareTexts(before, after).map((block) =>
    block.kind === 'changed'
      ? `changed ${block.pieces.map(({ kind, text }) => marks[kind] + text + marks[kind]).join('')}`
      : `${block.kind} ${block.count}: ${block.text}`,
  );
}

describe('a comparison', () => {
  it('finds the words that changed in a paragraph, and the paragraphs that came and went', () => {
    expect(
      show(
        '# Harbour\n\nThe team needs ten people by spring.\n\nOld and gone.\n\nThe end.',
        '# Harbour\n\nThe team needs twelve people by spring.\n\nThe end.\n\nA new appendix.',
      ),
    ).toEqual([
      'same 1: # Harbour',
      'changed The team needs -ten -+twelve +people by spring.',
      'removed 1: Old and gone.',
      'same 1: The end.',
      'added 1: A new appendix.',
    ]);
  });

  it('treats paragraphs that share few words as different', () => {
    expect(show('One thing entirely.', 'Nothing of that kind here.')).toEqual([
      'removed 1: One thing entirely.',
      'added 1: Nothing of that kind here.',
    ]);
  });

  it('sees no change in line ends, blank lines and how lines are broken', () => {
    expect(show('a b\r\n\r\nc', 'a\nb\n\n\n\nc\n')).toEqual(['changed a\nb', 'same 1: c']);
    expect(show('', '')).toEqual([]);
    expect(show('', 'a')).toEqual(['added 1: a']);
  });

  it('gives every word of both texts back, whatever they are', () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let round = 0; round < 300; round += 1) {
      const text = () =>
        Array.from({ length: random(12) }, () => ['a', 'b', 'c', 'd e', '\n\n', 'f'][random(6)]).join(' ');
      const [before, after] = [text(), text()];
      const blocks = compareTexts(before, after);
      const words = (other: 'added' | 'removed') =>
        blocks
          .flatMap((block) => (block.kind === 'changed' ? block.pieces : [block]))
          .filter(({ kind }) => kind !== other)
          .flatMap(({ text }) => text.match(/\S+/g) ?? []);
      expect(words('added')).toEqual(before.match(/\S+/g) ?? []);
      expect(words('removed')).toEqual(after.match(/\S+/g) ?? []);
    }
  });

  it('answers at once for texts too long to compare', () => {
    const long = (word: string) => Array.from({ length: 90_000 }, (_, each) => `${word}${each}`).join('\n\n');
    const began = performance.now();
    const blocks = compareTexts(`same\n\n${long('a')}`, `same\n\n${long('b')}`);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(blocks.map(({ kind }) => kind)).toEqual(['same', 'removed', 'added']);
  });
});

it('shows what changed with more than colour, and folds what did not', () => {
  const same = ['one', 'two', 'three'].join('\n\n');
  render(
    <ChangedText before={`${same}\n\nTen people are needed`} after={`${same}\n\nTwelve people are needed`} />,
  );
  expect(screen.getByText('From prelim to final: 1 paragraph changed.')).toBeDefined();
  expect(screen.getByText('3 unchanged paragraphs').tagName).toBe('SUMMARY');
  const changed = screen.getByRole('region', { name: 'Changed' });
  expect(changed.querySelector('del')?.textContent).toBe('removed: Ten ');
  expect(changed.querySelector('ins')?.textContent).toBe('added: Twelve ');
});

it('says when nothing changed', () => {
  render(<ChangedText before="one" after="one" />);
  expect(screen.getByText('From prelim to final: nothing changed.')).toBeDefined();
});

it.each([
  ['Harbour of Ørsted: plan/2027', 'Harbour-of-Ørsted-plan-2027-final.md'],
  ['../../etc/passwd', 'etc-passwd-final.md'],
  ['…', 'Report-final.md'],
  ['x'.repeat(300), `${'x'.repeat(60)}-final.md`],
])('names the file of %s so that every file system takes it', (title, name) => {
  expect(fileNameOf(title, 'final')).toBe(name);
});

import { Fragment, type ReactNode } from 'react';
import { Parts } from './parts.tsx';
import type { Part } from '../lib/verdict.ts';
import styles from './verdict-box.module.css';

export type Tone = 'good' | 'idle' | 'warn' | 'bad';
const MARKS = { good: '✓', idle: '…', warn: '!', bad: '✕' } as const;

/** How a report or a subscriber stands, on top of its page. A screen reader is told of a change, and not of times that move on by themselves. */
export function VerdictBox({
  tone,
  sentences,
  children,
}: {
  tone: Tone;
  sentences: readonly (readonly Part[])[];
  /** What can be done about it. */
  children?: ReactNode;
}) {
  return (
    <section className={styles['verdict']} data-tone={tone} aria-label="Verdict">
      <p className={styles['sentences']}>
        <span className={styles['mark']} aria-hidden>
          {MARKS[tone]}
        </span>
        <span>
          {sentences.map((parts, index) => (
            <Fragment key={index}>
              {index > 0 && ' '}
              <Sentence parts={parts} />
            </Fragment>
          ))}
        </span>
      </p>
      {children}
    </section>
  );
}

/** A sentence, whose times are told from now. */
export function Sentence({ parts }: { parts: readonly Part[] }) {
  const hasTime = parts.some((part) => typeof part !== 'string');
  return (
    <span className="foreign" aria-live={hasTime ? undefined : 'polite'}>
      <Parts parts={parts} />
    </span>
  );
}

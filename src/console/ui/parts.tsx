import { Fragment } from 'react';
import type { Part } from '../lib/verdict.ts';
import { RelativeTime } from './relative-time.tsx';

/** The parts of a sentence, with its times as distances. */
export function Parts({ parts }: { parts: readonly Part[] }) {
  return parts.map((part, index) => (
    <Fragment key={index}>{typeof part === 'string' ? part : <RelativeTime value={part.at} />}</Fragment>
  ));
}

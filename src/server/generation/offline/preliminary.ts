import { appendix } from './appendix.ts';
import type { Composer, Section } from './brief.ts';
import { coverage, voices } from './interview.ts';
import { bullets, inline, paragraphs } from './markdown.ts';
import { textOf, type JsonObject } from './material.ts';

const MAX_SUMMARY_CHARACTERS = 4_000;

/** Sections of a preliminary brief: known facts, statements, open questions. */
export function preliminarySections(composer: Composer, data: JsonObject, summary: string | null): Section[] {
  return [
    ...composer.findings(data),
    { heading: 'The analysis so far', write: () => inline(summary ?? '', MAX_SUMMARY_CHARACTERS) },
    { heading: 'Who was asked', write: () => coverage(data) },
    { heading: 'What was said', write: () => voices(data) },
    {
      heading: 'Points to clarify',
      write: () => {
        const questions = openQuestions(composer, data);
        return questions.length === 0
          ? 'The intake answers every question that it should. The final brief can be written.'
          : paragraphs('The intake does not say:', bullets(questions));
      },
    },
    { heading: 'Appendix: the intake as received', write: () => appendix(data) },
  ];
}

/** Questions for the final, one for each missing or empty field. */
export function openQuestions(composer: Composer, data: JsonObject): string[] {
  return Object.entries(composer.questions)
    .filter(([field]) => textOf(data[field]) === '')
    .map(([, question]) => question);
}

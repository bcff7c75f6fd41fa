import type { Json } from '../../../contracts/text.ts';
import { bullets, paragraphs, quote } from './markdown.ts';
import { rowsOf, textOf, type JsonObject } from './material.ts';

const MAX_QUOTES = 12;

/** Quotes from the interviews, spread evenly from first to last, so that no part of a long interview is skipped. */
export function voices(data: JsonObject): string {
  const notes = rowsOf(parts(data['interview_notes'] ?? data['notes']), 'answer');
  const step = Math.max(1, notes.length / MAX_QUOTES);
  const chosen = notes.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
  const intro = notes.length > chosen.length ? `${chosen.length} of ${notes.length} answers:` : '';
  return paragraphs(intro, ...chosen.map(voice));
}

/** How many answers each department gave. */
export function coverage(data: JsonObject): string {
  const counts = new Map<string, number>();
  for (const note of rowsOf(data['interview_notes'], 'answer')) {
    const department = textOf(note['department']);
    if (department !== '') counts.set(department, (counts.get(department) ?? 0) + 1);
  }
  return bullets([...counts].map(([department, count]) => `${department}: ${count}`));
}

function voice(note: JsonObject): string {
  const question = textOf(note['question']);
  const answer = textOf(note['answer']) || textOf(note);
  const source = [textOf(note['speaker']), textOf(note['department'])].filter(Boolean).join(', ');
  return quote(question === '' ? answer : `${question} — ${answer}`, source);
}

/** Notes in a single text are split into paragraphs. */
function parts(value: Json | undefined): Json | undefined {
  return typeof value === 'string' ? value.split(/\n\s*\n/) : value;
}

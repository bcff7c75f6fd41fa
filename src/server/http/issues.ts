import type { z } from 'zod';
import { JsonText } from '../../contracts/json-text.ts';
import { toStorable } from '../../contracts/text.ts';
import type { Issue } from './problem.ts';

/** Most issues of one answer: enough to correct a body by, and a bound on what a bad body costs. */
export const MAX_ISSUES = 20;
/** Longest path and longest message of an issue, in UTF-16 units. */
const MAX_ISSUE_CHARACTERS = 200;

/** The text, cut to the length. Half a surrogate pair at the cut is dropped. */
export function cut(text: string, maxCharacters: number): string {
  return text.length <= maxCharacters ? text : `${toStorable(text.slice(0, maxCharacters - 1))}…`;
}

/** An issue of bounded length: both its path and its message can repeat names of the body. */
export function boundedIssue({ path, message }: Issue): Issue {
  return { path: cut(path, MAX_ISSUE_CHARACTERS), message: cut(message, MAX_ISSUE_CHARACTERS) };
}

/** The path and message of each fault, as answers show them. */
export function issuesOf(error: z.ZodError): Issue[] {
  return error.issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => boundedIssue({ path: path.join('.'), message }));
}

/** Zod's messages would name our class where the sender wrote an object or an array. */
export function nameJsonText(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type' || !(issue.input instanceof JsonText)) return undefined;
  return `Invalid input: expected ${issue.expected}, received ${issue.input.kind}`;
}

import type { z } from 'zod';
import { JsonText } from '../../contracts/json-text.ts';
import { toStorable } from '../../contracts/text.ts';
import type { Issue } from './problem.ts';

/** Maximum number of issues in an answer: enough to correct a body, and a limit on what a bad body costs. */
export const MAX_ISSUES = 20;
/** Maximum length of an issue's path and of its message, in UTF-16 units. */
const MAX_ISSUE_CHARACTERS = 200;

/** Truncates the text. Drops half of a surrogate pair at the cut. */
export function cut(text: string, maxCharacters: number): string {
  return text.length <= maxCharacters ? text : `${toStorable(text.slice(0, maxCharacters - 1))}…`;
}

/** Limits the length of an issue: both its path and its message can repeat names from the body. */
export function boundedIssue({ path, message }: Issue): Issue {
  return { path: cut(path, MAX_ISSUE_CHARACTERS), message: cut(message, MAX_ISSUE_CHARACTERS) };
}

/** The path and message of each fault, as answers show them. */
export function issuesOf(error: z.ZodError): Issue[] {
  return error.issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => boundedIssue({ path: path.join('.'), message }));
}

/** Zod would name our class where the sender wrote an object or an array. */
export function nameJsonText(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type' || !(issue.input instanceof JsonText)) return undefined;
  return `Invalid input: expected ${issue.expected}, received ${issue.input.kind}`;
}

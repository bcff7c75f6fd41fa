/**
 * The text without the given characters at its end. Takes linear time for any text: a regular expression such as `/0+$/` tries
 * again from every character of every run, which takes seconds for a run of 100,000 in the middle of a text.
 * @param characters single UTF-16 units
 */
export function trimEndOf(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

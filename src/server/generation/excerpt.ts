const graphemes = new Intl.Segmenter();

/** The text, or its first `maxLength` UTF-16 units or less and `…`. An emoji is many units: none is cut apart. */
export function excerpt(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // The cut is where the character begins that holds the first unit over the limit. That unit may be half of a
  // surrogate pair, whose other half must be seen to know whether it belongs to what stands before it.
  const over = graphemes.segment(text.slice(0, maxLength + 2)).containing(maxLength);
  return `${text.slice(0, over?.index ?? maxLength).trimEnd()}…`;
}

const graphemes = new Intl.Segmenter();

/**
 * The text, or at most its first `maxLength` UTF-16 units and `…`. Never cuts inside of a character, such as an emoji of
 * several units.
 */
export function excerpt(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // Cut at the beginning of the character that contains the first unit over the limit. That unit may be half of a surrogate
  // pair: the segmenter must see the other half to know whether both belong to the preceding character.
  const over = graphemes.segment(text.slice(0, maxLength + 2)).containing(maxLength);
  return `${text.slice(0, over?.index ?? maxLength).trimEnd()}…`;
}

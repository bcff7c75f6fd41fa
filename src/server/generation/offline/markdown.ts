import { excerpt } from '../excerpt.ts';

// These limits keep a brief without its appendix below 400 KB for any intake in any script.
const MAX_CELL_CHARACTERS = 160;
const MAX_ITEM_CHARACTERS = 600;
const MAX_ITEMS = 20;

/**
 * An untrusted text on one line, escaped so that nothing in it is read as Markdown or HTML. `&`, `<`, `>`
 * and `|` become entities, which are also safe where a table or raw HTML is parsed first.
 */
export function inline(text: string, maxLength = MAX_ITEM_CHARACTERS): string {
  // Control characters: JSON writes each of them as six characters.
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return (
    excerpt(line, maxLength)
      .replace(/[\\`*_{}[\]#~]/g, '\\$&')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('|', '&#124;')
      // Characters that would begin a list, or underline a heading, at the start of a line.
      .replace(/^[-+=]/, '\\$&')
      .replace(/^(\d+)([.)])/, '$1\\$2')
  );
}

/** A list of texts. Of a long list, the end is counted and not shown. */
export function bullets(texts: readonly string[], maxItems = MAX_ITEMS): string {
  const shown = texts.slice(0, maxItems).map((text) => `- ${inline(text)}`);
  const rest = texts.length - shown.length;
  return [...shown, ...(rest > 0 ? [`- and ${rest} more`] : [])].join('\n');
}

/** Labels and values as a list, without empty values. */
export function facts(pairs: readonly (readonly [label: string, value: string])[]): string {
  return pairs
    .filter(([, value]) => value !== '')
    .map(([label, value]) => `- **${label}:** ${inline(value)}`)
    .join('\n');
}

/** A table without columns that are empty in every row; `''` without rows. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = headers.flatMap((header, index) =>
    rows.some((row) => Boolean(row[index])) ? [{ header, index }] : [],
  );
  if (columns.length === 0) return '';
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const shown = rows
    .slice(0, MAX_ITEMS)
    .map((row) => line(columns.map(({ index }) => inline(row[index] ?? '', MAX_CELL_CHARACTERS))));
  const rest = rows.length - shown.length;
  return [
    line(columns.map(({ header }) => header)),
    line(columns.map(() => '---')),
    ...shown,
    ...(rest > 0 ? ['', `And ${rest} more.`] : []),
  ].join('\n');
}

/** A quotation and who said it. */
export function quote(text: string, source: string): string {
  const said = `> ${inline(text)}`;
  return source === '' ? said : `${said}\n>\n> — ${inline(source, MAX_CELL_CHARACTERS)}`;
}

/** The non-empty parts as paragraphs. */
export function paragraphs(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n');
}

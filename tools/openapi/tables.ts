/**
 * The rows of the table below `<!-- name -->`, each as its cells, without the header.
 * @throws {Error} if the page has no such table: tests and descriptions must not pass on an empty one
 */
export function tableOf(page: string, name: string): string[][] {
  const mark = `<!-- ${name} -->\n\n`;
  const start = page.indexOf(mark);
  if (start < 0) throw new Error(`no table is marked ${name}`);
  const [table = ''] = page.slice(start + mark.length).split('\n\n', 1);
  const rows = table.trim().split('\n').slice(2).map(cellsOf);
  if (rows.length === 0) throw new Error(`the table ${name} has no rows`);
  return rows;
}

/** The cells of a table row; `\|` inside a cell is not a separator. */
export function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/**
 * The rows of the table below `<!-- name -->`, each as its cells, without its head.
 * @throws {Error} when the page has no such table, so that neither a test nor a description rests on nothing
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

/** Cells of a table's line; `\|` inside a cell is no border. */
export function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

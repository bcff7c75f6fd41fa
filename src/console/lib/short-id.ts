/** So much of an id tells it apart from the others on a page. */
const SHORT_CHARACTERS = 12;

export function shortId(id: string): string {
  return id.length > SHORT_CHARACTERS ? `${id.slice(0, SHORT_CHARACTERS)}…` : id;
}

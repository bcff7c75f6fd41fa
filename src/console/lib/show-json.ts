// Marks that change the direction of what follows them, or have no width: as themselves they could make one text look
// like another.
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/** A text of others, with its invisible characters escaped. */
export function showText(text: string): string {
  return text.replace(INVISIBLE, (mark) => `\\u{${mark.codePointAt(0)?.toString(16) ?? ''}}`);
}

/** A stored value as indented JSON, with its invisible characters escaped. */
export function showJson(value: unknown): string {
  return showText(JSON.stringify(value, null, 2));
}

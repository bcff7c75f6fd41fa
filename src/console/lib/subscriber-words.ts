/** As it is shown in little room; a URL that cannot be read is shown whole. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** `report.final.completed` is `final completed`. */
export function shortType(type: string): string {
  return type.replace(/^report\./, '').replaceAll('.', ' ');
}

/** The generated files. */
export const DOCUMENT = 'public/openapi.json';
export const PAGE = 'public/reference.html';

/** Variables that every program needs. Other variables are passed explicitly. */
const BASE_VARIABLES = [
  'PATH',
  'HOME',
  'USER',
  'TMPDIR',
  'TZ',
  'LANG',
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
  'NODE_COMPILE_CACHE',
];

/** A program's environment: the base variables and `extra`. Other variables of the developer do not leak into it. */
export function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const base = BASE_VARIABLES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(base), ...extra };
}

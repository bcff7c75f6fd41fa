interface SentByHand {
  /** Undefined: the attempt was recorded before addresses were kept. */
  url: string | undefined;
  endpointId: string;
  eventId: string;
  /** The bytes that each attempt sends, as text. */
  body: string;
  /** Our own deployment is behind Vercel's Deployment Protection. */
  needsBypass: boolean;
}

/**
 * A command for a POSIX shell that sends an event again as an attempt does: the same bytes, signed anew with the first of
 * `$WEBHOOK_SECRET` (Standard Webhooks, "Signature scheme"). It holds no secret.
 */
export function shellCommand({ url, endpointId, eventId, body, needsBypass }: SentByHand): string {
  const address = url === undefined ? `"\${WEBHOOK_BASE_URL%% *}/${endpointId}"` : quote(url);
  return [
    '( set -eu',
    `id=${quote(eventId)}`,
    'body=$(mktemp)',
    `trap 'rm -f "$body"' EXIT`,
    // A built-in of every shell: an argument of a program could not be this long.
    `printf %s ${quote(body)} > "$body"`,
    'secret=${WEBHOOK_SECRET%% *}',
    'secret=${secret#whsec_}',
    'while [ $(( ${#secret} % 4 )) -ne 0 ]; do secret="$secret="; done',
    `key=$(printf %s "$secret" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n')`,
    'now=$(date +%s)',
    'signature=$({ printf %s.%s. "$id" "$now"; cat "$body"; } |',
    '  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)',
    `curl -sS -i -X POST ${address} \\`,
    `  -H 'content-type: application/json' -H 'accept-encoding: identity' \\`,
    ...(needsBypass ? [`  -H "x-vercel-protection-bypass: $VERCEL_AUTOMATION_BYPASS_SECRET" \\`] : []),
    '  -H "webhook-id: $id" -H "webhook-timestamp: $now" -H "webhook-signature: v1,$signature" \\',
    '  --data-binary @"$body"',
    ')',
  ].join('\n');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

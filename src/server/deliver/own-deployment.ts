import { splitList } from '../../contracts/env-values.ts';

/** One or more addresses of our own webhook functions, each ending in `/api/webhooks`: tried in turn. */
type WebhookBaseUrls = readonly [string, ...string[]];

/**
 * Our own deployment for calls between its functions. Only the configured address, never one from a request: these calls send
 * secrets.
 */
export interface OwnDeployment {
  webhookBaseUrls: WebhookBaseUrls;
  /** Passes Vercel's Deployment Protection, if set. Never sent to subscribers. */
  protectionBypass: string | undefined;
}

/** @throws {Error} if the list is empty */
export function parseWebhookBaseUrls(value: string): WebhookBaseUrls {
  const [first, ...rest] = splitList(value);
  if (!first) throw new Error('WEBHOOK_BASE_URL is empty');
  return [first, ...rest];
}

/** The address of another function of ours, below the same prefix: `siblingOf(base, '/cron/take-over')`. */
export function siblingOf(webhookBaseUrl: string, path: string): string {
  return webhookBaseUrl.replace(/\/webhooks$/, path);
}

export function bypassHeaders({
  protectionBypass,
}: Pick<OwnDeployment, 'protectionBypass'>): Record<string, string> {
  return protectionBypass === undefined ? {} : { 'x-vercel-protection-bypass': protectionBypass };
}

import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { COMPRESSIONS } from '../../../contracts/compression.ts';
import { FILTER_OPEN } from '../../../contracts/filters.ts';
import { FORMAT_VERSIONS, versionNumber } from '../../../contracts/format-versions.ts';
import {
  actionQuery,
  explainRequest,
  filterTestRequest,
  replaceSecretRequest,
  subscriberView,
  versionTestRequest,
  type CheckedEndpointAnswer,
  type EndpointAction,
  type Explanation,
  type FilterTest,
  type ReplacedSecret,
  type ReplacedToken,
  type VersionTest,
} from '../../../contracts/subscribers.ts';
import { rowTime } from '../../../contracts/paging.ts';
import type { Probe } from '../../../contracts/endpoint-checks.ts';
import { parseJsonBody } from '../../http/read-json.ts';
import { compareVersions } from '../compare-versions.ts';
import { compileFilter } from '../filters/compile.ts';
import { evaluateFilter, filterValuesAnswer, pathsOf, readFilterValues } from '../filters/evaluate.ts';
import type { Result } from '../../http/operator-guard.ts';
import { checkEndpoint } from './check-endpoint.ts';
import { mintReadToken, mintSecret, sealSecret, SecretUnreadable } from './endpoint-secrets.ts';
import {
  about,
  done,
  findEndpoint,
  moveEndpoint,
  queryOf,
  refused,
  type EndpointServices,
} from './endpoints.ts';
import { explainFanOut, fanOutFacts } from './explain-fan-out.ts';

const notFound = z.object({ outcome: z.literal('endpoint_not_found') });
const replaced = z.union([z.object({ outcome: z.literal('replaced'), endpoint: subscriberView }), notFound]);
const begun = z.union([
  z.object({
    outcome: z.literal('begun'),
    check_id: z.int(),
    url: z.string(),
    sealed_secrets: z.array(z.string()),
    compression: z.enum(COMPRESSIONS),
  }),
  z.object({ outcome: z.literal('too_many_checks'), retry_after_seconds: z.number() }),
  notFound,
]);
const explained = z.union([
  fanOutFacts.extend({ outcome: z.literal('explained') }),
  z.object({ outcome: z.enum(['event_not_found', 'endpoint_not_found']) }),
]);
const sample = z.object({
  id: z.string(),
  type: z.string(),
  report_type: z.string(),
  report_id: z.string(),
  applied_at: rowTime,
});
const filterSamples = z.array(sample.extend({ values: filterValuesAnswer, matches: z.boolean() }));
/** One body per version, by its number. */
const versionSamples = z.array(sample.extend({ bodies: z.array(z.string()).length(FORMAT_VERSIONS.length) }));

type Act = (
  services: EndpointServices,
  endpointId: string,
  request: Request,
  actor: string,
) => Promise<Result>;

const ACTIONS: Record<Exclude<EndpointAction, 'filter-test'>, Act> = {
  pause: (services, endpointId, _request, actor) => moveEndpoint(services, endpointId, 'paused', actor),
  resume: (services, endpointId, _request, actor) => moveEndpoint(services, endpointId, 'active', actor),
  check,
  secret: replaceSecret,
  token: replaceToken,
  'version-test': testVersion,
  explain,
};

/** `POST ?action=`: all actions and queries on a subscriber except changing its settings. */
export async function actOnEndpoint(
  services: EndpointServices,
  request: Request,
  actor: string,
): Promise<Result> {
  const query = actionQuery.safeParse(queryOf(request));
  if (!query.success) return refused('invalid_query');
  if (query.data.action === 'filter-test') return testFilter(services, request);
  const { action, endpoint_id } = query.data;
  return about(endpoint_id, await ACTIONS[action](services, endpoint_id, request, actor));
}

/**
 * Sends the probes. The subscriber has passed the check if its answer to the first one contains the nonce, which proves that
 * the endpoint wants our events.
 */
async function check(
  services: EndpointServices,
  endpointId: string,
  _request: Request,
  actor: string,
): Promise<Result> {
  const { rpc } = services;
  const endpoint = await findEndpoint(services, endpointId);
  if (endpoint === undefined) return refused('endpoint_not_found');
  const host = URL.parse(endpoint.settings.url)?.hostname ?? '';
  const start = await rpc(
    'begin_endpoint_check',
    { p_endpoint_id: endpointId, p_host: host, p_actor: actor, p_claim_id: randomUUID() },
    begun,
  );
  if (start.outcome === 'endpoint_not_found') return refused('endpoint_not_found');
  if (start.outcome === 'too_many_checks') {
    const seconds = Math.max(1, start.retry_after_seconds);
    return refused('too_many_checks', { headers: { 'retry-after': String(seconds) } });
  }
  const record = async (passed: boolean, probes: Probe[]) => {
    const parameters = {
      p_check_id: start.check_id,
      p_passed: passed,
      p_probes: probes.map((each) => ({ ...each })),
    };
    return rpc('record_endpoint_check', parameters, z.object({ endpoint: subscriberView }));
  };
  let probes: Probe[];
  try {
    probes = await checkEndpoint(services, {
      endpoint_id: endpointId,
      url: start.url,
      sealed_secrets: start.sealed_secrets,
      compression: start.compression,
    });
  } catch (error) {
    if (!(error instanceof SecretUnreadable)) throw error;
    await record(false, []);
    return refused('endpoint_secret_unreadable', { detail: error.message });
  }
  const passed = probes[0]?.ok ?? false;
  const { endpoint: checked } = await record(passed, probes);
  return done({ endpoint: checked, passed, probes } satisfies CheckedEndpointAnswer);
}

async function replaceSecret(
  { rpc, endpointKeys }: EndpointServices,
  endpointId: string,
  request: Request,
  actor: string,
): Promise<Result> {
  if (endpointKeys.length === 0) return refused('endpoint_secrets_key_missing');
  const body = await parseJsonBody(request, replaceSecretRequest);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const secret = mintSecret();
  const parameters = {
    p_endpoint_id: endpointId,
    p_sealed_secret: sealSecret(endpointKeys, endpointId, secret),
    p_overlap_seconds: body.value.overlap_seconds,
    p_actor: actor,
  };
  const outcome = await rpc('replace_endpoint_secret', parameters, replaced);
  if (outcome.outcome !== 'replaced') return refused(outcome.outcome);
  return done({ endpoint: outcome.endpoint, secret } satisfies ReplacedSecret);
}

async function replaceToken(
  { rpc }: EndpointServices,
  endpointId: string,
  _request: Request,
  actor: string,
): Promise<Result> {
  const { token, sha256 } = mintReadToken();
  const parameters = { p_endpoint_id: endpointId, p_read_token_sha256: sha256, p_actor: actor };
  const outcome = await rpc('replace_read_token', parameters, replaced);
  if (outcome.outcome !== 'replaced') return refused(outcome.outcome);
  return done({ endpoint: outcome.endpoint, read_token: token } satisfies ReplacedToken);
}

async function testFilter({ rpc, log }: EndpointServices, request: Request): Promise<Result> {
  const body = await parseJsonBody(request, filterTestRequest, ['filter', ...FILTER_OPEN]);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const { filter, limit } = body.value;
  const paths = pathsOf(filter);
  const parameters = { p_limit: limit, p_paths: paths, p_filter_path: compileFilter(filter) };
  const samples = await rpc('event_samples', parameters, filterSamples);
  const events = samples.map(({ id, values, matches, ...event }) => {
    const decision = evaluateFilter(filter, readFilterValues(paths, values));
    if (decision.matches === matches) {
      const { decided_by, explanation } = decision;
      return { event_id: id, ...event, matches, decided_by, explanation };
    }
    // SQL decides what is sent: the explanation of a different decision would be wrong.
    log('error', 'the explanation of a filter contradicts its decision', { event: id, paths });
    const explanation = `${matches ? 'Matches' : 'Does not match'}, but we cannot name the clause that decides.`;
    return { event_id: id, ...event, matches, decided_by: '', explanation };
  });
  return done({ events } satisfies FilterTest);
}

async function testVersion(
  services: EndpointServices,
  endpointId: string,
  request: Request,
): Promise<Result> {
  const body = await parseJsonBody(request, versionTestRequest);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const { format_version: to, limit } = body.value;
  const endpoint = await findEndpoint(services, endpointId);
  if (endpoint === undefined) return refused('endpoint_not_found');
  const from = endpoint.settings.format_version;
  const parameters = { p_limit: limit, p_endpoint_id: endpointId };
  const samples = await services.rpc('event_samples', parameters, versionSamples);
  const events = samples.map(({ id, bodies, ...event }) => ({
    event_id: id,
    ...event,
    before: bodies[versionNumber(from)] ?? '',
    after: bodies[versionNumber(to)] ?? '',
  }));
  const tested: VersionTest = { from, to, changes: compareVersions(events), events };
  return done(tested);
}

async function explain(
  { rpc, now }: EndpointServices,
  endpointId: string,
  request: Request,
): Promise<Result> {
  const body = await parseJsonBody(request, explainRequest);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const pair = { p_endpoint_id: endpointId, p_event_id: body.value.event_id };
  let facts = await rpc('explain_fan_out', pair, explained);
  if (facts.outcome !== 'explained') return refused(facts.outcome);
  const filter = facts.settings?.filter ?? null;
  let decision = null;
  if (filter !== null) {
    // Only now is it known which filter was in force, and so which values are needed.
    const paths = pathsOf(filter);
    facts = await rpc('explain_fan_out', { ...pair, p_paths: paths }, explained);
    if (facts.outcome !== 'explained') return refused(facts.outcome);
    if (facts.values !== null) decision = evaluateFilter(filter, readFilterValues(paths, facts.values));
  }
  const { event, revision, settings, deliveries } = facts;
  const { reason, sentence } = explainFanOut(facts, decision, now());
  const decided_by = decision?.decided_by ?? null;
  return done({
    reason,
    sentence,
    event,
    revision,
    settings,
    decided_by,
    deliveries,
  } satisfies Explanation);
}

/**
 * Measures one shape at one endpoint in a process of its own, so that no other shape has warmed its code or filled its memory:
 * `node hostile-child.ts ENDPOINT SHAPE`, both by their index. An endpoint is called once with a small body first, as the
 * first request of an instance loads code that has nothing to do with the shape.
 */
import { ENDPOINTS, requestOf, type HostileEndpoint } from './hostile-endpoints.ts';
import { SHAPES, VALUE_BYTES } from './hostile-shapes.ts';

const [endpoint, shape] = [ENDPOINTS[Number(process.argv[2])], SHAPES[Number(process.argv[3])]];
if (endpoint === undefined || shape === undefined) throw new Error('unknown endpoint or shape');

async function answerOf({ call }: HostileEndpoint, request: Request): Promise<number> {
  try {
    return (await call(request)).status;
  } catch {
    // The database is away, which the wrapper of all handlers answers so.
    return 503;
  }
}

const encode = (text: string) => new TextEncoder().encode(text);
const cpuMs = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;

await answerOf(endpoint, requestOf(encode(endpoint.body('{"k":[1,"a",{}]}'))));
const bytes = encode(endpoint.body(shape.make(VALUE_BYTES)));
const request = requestOf(bytes);
globalThis.gc?.();
// Resident memory at its highest, beyond what the body itself and the program take.
const restMB = process.memoryUsage.rss() / 2 ** 20;
const before = process.cpuUsage();
const status = await answerOf(endpoint, request);
const spent = cpuMs(process.cpuUsage(before));
const peakMB = Math.max(0, process.resourceUsage().maxRSS / 1024 - restMB);

// The floor: what Node itself takes to read such a text.
const text = new TextDecoder().decode(bytes);
const from = process.cpuUsage();
try {
  JSON.parse(text);
} catch {
  // Some shapes are no JSON.
}
const floor = cpuMs(process.cpuUsage(from));
console.log(JSON.stringify({ bytes: bytes.byteLength, status, cpuMs: spent, floorMs: floor, peakMB }));

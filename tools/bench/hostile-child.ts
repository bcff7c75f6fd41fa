/**
 * Measures one shape at one endpoint in a process of its own, so that no other shape has warmed the code or filled the
 * memory: `node hostile-child.ts ENDPOINT SHAPE`, both by index. A small body goes first, since the first request of an
 * instance also loads code.
 */
import { ENDPOINTS, requestOf, type HostileEndpoint } from './hostile-endpoints.ts';
import { SHAPES, VALUE_BYTES } from './hostile-shapes.ts';

const [endpoint, shape] = [ENDPOINTS[Number(process.argv[2])], SHAPES[Number(process.argv[3])]];
if (endpoint === undefined || shape === undefined) throw new Error('unknown endpoint or shape');

async function answerOf({ call }: HostileEndpoint, request: Request): Promise<number> {
  try {
    return (await call(request)).status;
  } catch {
    // The stub of the database always fails; the wrapper of all handlers turns that into 503.
    return 503;
  }
}

const encode = (text: string) => new TextEncoder().encode(text);
const cpuMs = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;

await answerOf(endpoint, requestOf(encode(endpoint.body('{"k":[1,"a",{}]}'))));
const bytes = encode(endpoint.body(shape.make(VALUE_BYTES)));
const request = requestOf(bytes);
globalThis.gc?.();
// Peak resident memory, less that of the program with the body.
const restMB = process.memoryUsage.rss() / 2 ** 20;
const before = process.cpuUsage();
const status = await answerOf(endpoint, request);
const spent = cpuMs(process.cpuUsage(before));
const peakMB = Math.max(0, process.resourceUsage().maxRSS / 1024 - restMB);

// Baseline: the time that JSON.parse takes for the same text.
const text = new TextDecoder().decode(bytes);
const from = process.cpuUsage();
try {
  JSON.parse(text);
} catch {
  // Some shapes are not valid JSON.
}
const floor = cpuMs(process.cpuUsage(from));
console.log(JSON.stringify({ bytes: bytes.byteLength, status, cpuMs: spent, floorMs: floor, peakMB }));

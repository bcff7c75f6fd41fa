/**
 * Measures the cost of one compressed body in a process of its own, so that no other body has warmed the code or filled the
 * memory: `node --expose-gc compression-child.ts CODING FILE`. A small valid body goes first, since the first request of an
 * instance also loads code.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { readSigned } from '../../src/server/deliver/read-signed.ts';
import { sign } from '../../src/server/deliver/sign.ts';

const [, , coding = '', file = ''] = process.argv;
const keys = [Buffer.alloc(32, 1)] as const;
const others = [Buffer.alloc(32, 2)] as const;
const small = Buffer.from('{}');

function requestOf(codingOf: string, bytes: Buffer, signers: typeof keys): Request {
  return new Request('http://localhost/', {
    method: 'POST',
    body: new Uint8Array(bytes),
    headers: {
      'content-type': 'application/json',
      'content-encoding': codingOf,
      'content-length': String(bytes.length),
      ...sign(signers, 'evt_bench', Date.now(), small),
    },
  });
}

async function receive(request: Request): Promise<string> {
  const read = await readSigned({ keys }, request, Date.now);
  return read.ok ? 'verified' : read.code;
}

/** Resident memory of this process: current (`VmRSS`) or peak (`VmHWM`). */
function residentMB(line: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] =
    new RegExp(`^${line}:\\s*(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

for (const [name, bytes] of [
  ['gzip', gzipSync(small)],
  ['zstd', zstdCompressSync(small)],
] as const) {
  if ((await receive(requestOf(name, bytes, keys))) !== 'verified') throw new Error(`${name} was refused`);
}
const body = readFileSync(file);
const request = requestOf(coding, body, others);
globalThis.gc?.();
// Resets the peak (proc(5), clear_refs): otherwise the program's start would hide the peak of the request.
writeFileSync('/proc/self/clear_refs', '5');
const restMB = residentMB('VmRSS');
const before = process.cpuUsage();
const from = performance.now();
const code = await receive(request);
const ms = performance.now() - from;
const { user, system } = process.cpuUsage(before);
const peakMB = Math.max(0, residentMB('VmHWM') - restMB);
console.log(JSON.stringify({ code, ms, cpuMs: (user + system) / 1000, peakMB }));

import { describe, expect, it } from 'vitest';
import { MAX_COMPRESSED_BYTES } from '../../../src/contracts/compression.ts';
import { MAX_BODY_BYTES } from '../../../src/contracts/constants.ts';
import { readRawBody } from '../../../src/server/http/body.ts';

function post(body: Uint8Array<ArrayBuffer> | string, contentType = 'application/json'): Request {
  return new Request('http://localhost/', { method: 'POST', body, headers: { 'content-type': contentType } });
}

describe('the raw body', () => {
  it('is read byte for byte', async () => {
    const text = '{ "a" : "\\u00e9 é" }\n';
    const body = await readRawBody(post(text, 'Application/JSON; charset=utf-8'));
    expect(new TextDecoder().decode(body.bytes)).toBe(text);
    expect(body.ok).toBe(true);
  });

  it('is accepted at the limit and refused one byte beyond', async () => {
    expect(await readRawBody(post(new Uint8Array(MAX_BODY_BYTES)))).toMatchObject({ ok: true });
    const beyond = await readRawBody(post(new Uint8Array(MAX_BODY_BYTES + 1)));
    expect(beyond).toMatchObject({ ok: false, code: 'body_too_large' });
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', ''])(
    'is refused as %s',
    async (contentType) => {
      expect(await readRawBody(post('{}', contentType))).toMatchObject({
        ok: false,
        code: 'unsupported_media_type',
      });
    },
  );

  it('may be compressed where the caller says so, and stays as it came', async () => {
    const request = new Request('http://localhost/', {
      method: 'POST',
      body: 'compressed',
      headers: { 'content-type': 'application/json', 'content-encoding': 'ZSTD ' },
    });
    const body = await readRawBody(request, ['gzip', 'zstd']);
    expect(body).toMatchObject({ ok: true, coding: 'zstd' });
    expect(new TextDecoder().decode(body.bytes)).toBe('compressed');
  });

  it('is refused in any coding where the caller decompresses none', async () => {
    for (const coding of ['gzip', 'zstd', 'identity']) {
      const request = post('{}');
      request.headers.set('content-encoding', coding);
      expect(await readRawBody(request)).toMatchObject({
        ok: false,
        code: 'unsupported_content_encoding',
        extras: { headers: { 'accept-encoding': 'identity' } },
      });
    }
  });

  it('of a compressed request is refused beyond 256 KB, without a declared length too', async () => {
    const compressed = (bytes: number, declared?: number) => {
      const request = post(new Uint8Array(bytes));
      request.headers.set('content-encoding', 'gzip');
      if (declared !== undefined) request.headers.set('content-length', String(declared));
      return readRawBody(request, ['gzip']);
    };
    expect(await compressed(MAX_COMPRESSED_BYTES)).toMatchObject({ ok: true });
    const beyond = await compressed(MAX_COMPRESSED_BYTES + 1);
    expect(beyond).toMatchObject({ ok: false, code: 'body_too_large' });
    // Declared to be as large, it is not read at all; declared to be small, it is read up to the limit.
    const declared = await compressed(10, MAX_COMPRESSED_BYTES + 1);
    expect(declared).toMatchObject({ ok: false, code: 'body_too_large' });
    expect(declared.bytes).toHaveLength(0);
    expect(await compressed(MAX_COMPRESSED_BYTES + 1, 10)).toMatchObject({
      ok: false,
      code: 'body_too_large',
    });
  });

  it('may be absent', async () => {
    const request = new Request('http://localhost/', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    const body = await readRawBody(request);
    expect(body).toMatchObject({ ok: true });
    expect(body.bytes).toHaveLength(0);
  });
});

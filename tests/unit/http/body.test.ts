import { describe, expect, it } from 'vitest';
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

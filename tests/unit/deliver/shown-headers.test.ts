import { describe, expect, it } from 'vitest';
import { answerHeaders, MASKED, sentHeaders } from '../../../src/server/deliver/shown-headers.ts';

describe('the headers that the audit keeps', () => {
  it('of ours never show a signature or a secret', () => {
    expect(
      sentHeaders({
        'content-type': 'application/json',
        'webhook-id': 'evt_1',
        'webhook-timestamp': '1760000000',
        'webhook-signature': 'v1,secret',
        'x-vercel-protection-bypass': 'secret',
      }),
    ).toEqual({
      'content-type': 'application/json',
      'webhook-id': 'evt_1',
      'webhook-timestamp': '1760000000',
      'webhook-signature': MASKED,
      'x-vercel-protection-bypass': MASKED,
    });
  });

  it('of an answer are few and short, without cookies and without the query of a redirect', () => {
    const headers = new Headers({
      server: 'x'.repeat(1000),
      'content-type': 'text/html',
      'set-cookie': 'session=secret',
      authorization: 'secret',
      location: 'https://login.example/in?token=secret#more',
      'x-other': 'secret',
    });
    expect(answerHeaders(headers)).toEqual({
      server: 'x'.repeat(200),
      'content-type': 'text/html',
      location: 'https://login.example/in',
    });
  });

  it.each([
    ['https://user:secret@login.example/in', 'https://login.example/in'],
    ['//user:secret@login.example/in', '//login.example/in'],
    ['HTTPS:\\\\secret@login.example', 'HTTPS:\\\\login.example'],
    ['https://a@secret@login.example/in', 'https://login.example/in'],
    ['https:///secret@login.example/in', 'https:///login.example/in'],
    ['/users/@somebody', '/users/@somebody'],
    ['https://login.example/@somebody', 'https://login.example/@somebody'],
  ])('of a redirect are without credentials: %s', (location, shown) => {
    expect(answerHeaders(new Headers({ location }))).toEqual({ location: shown });
  });
});

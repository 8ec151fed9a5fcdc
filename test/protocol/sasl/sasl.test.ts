import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeResponse, type ExchangeContext } from '../../../src/protocol/sasl/mechanism.ts';
import {
  allowedMechanisms,
  findMechanism,
  MECHANISM_NAMES,
  USUAL_MECHANISMS,
} from '../../../src/protocol/sasl/table.ts';

const CLEAR: ExchangeContext = { channelBinding: () => null, offersBinding: false };
const begin = (name: string) => {
  const mechanism = findMechanism(name);
  if (mechanism === undefined) throw new Error(name);
  return mechanism.begin(CLEAR);
};

describe('PLAIN', () => {
  it('S1: returns login and password; the authorization identity may repeat the login', () => {
    expect(begin('PLAIN').next(Buffer.from('\0maomao\0ge heim'))).toEqual({
      kind: 'password',
      login: 'maomao',
      password: Buffer.from('ge heim'),
    });
    expect(begin('PLAIN').next(Buffer.from('Maomao\0maomao\0x'))).toMatchObject({ kind: 'password' });
    expect(begin('PLAIN').next(null)).toEqual({ kind: 'challenge', data: Buffer.alloc(0) });
  });

  it('keeps a password that is not UTF-8 unchanged, and accepts one of 1024 octets', () => {
    expect(begin('PLAIN').next(Buffer.from('\0maomao\0p\xe4\t', 'latin1'))).toMatchObject({
      password: Buffer.from('p\xe4\t', 'latin1'),
    });
    expect(begin('PLAIN').next(Buffer.from(`\0maomao\0${'x'.repeat(1024)}`)).kind).toBe('password');
  });

  it.each([
    '',
    'x',
    '\0x',
    '\0\0x',
    'other\0maomao\0x',
    '\0mao\nmao\0x',
    '\0a\0b\0c',
    '\0\xff\0x',
    `\0a\0${'x'.repeat(1025)}`,
  ])('refuses %j', (response) => {
    expect(begin('PLAIN').next(Buffer.from(response, 'latin1')).kind).toBe('malformed');
  });
});

describe('LOGIN', () => {
  it('S2: asks for Username: and Password:', () => {
    const exchange = begin('LOGIN');
    expect(exchange.next(null)).toMatchObject({ kind: 'challenge', data: Buffer.from('VXNlcm5hbWU6', 'base64') });
    expect(exchange.next(Buffer.from('maomao'))).toMatchObject({
      kind: 'challenge',
      data: Buffer.from('UGFzc3dvcmQ6', 'base64'),
    });
    expect(exchange.next(Buffer.from('geheim'))).toEqual({
      kind: 'password',
      login: 'maomao',
      password: Buffer.from('geheim'),
    });
  });

  it('keeps a password that is not UTF-8 unchanged; a name must be UTF-8', () => {
    const exchange = begin('LOGIN');
    expect(exchange.next(Buffer.from('\xff', 'latin1')).kind).toBe('malformed');
    expect(exchange.next(Buffer.from('maomao')).kind).toBe('challenge');
    expect(exchange.next(Buffer.from('\xff', 'latin1'))).toMatchObject({ password: Buffer.from('\xff', 'latin1') });
  });
});

it('no response makes a mechanism throw', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...MECHANISM_NAMES),
      fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 3 }),
      (mechanism, responses) => {
        const exchange = begin(mechanism);
        for (const response of responses) {
          if (exchange.next(Buffer.from(response)).kind !== 'challenge') return;
        }
      },
    ),
  );
});

it('S1: noplaintext removes mechanisms that send the password', () => {
  expect(allowedMechanisms(USUAL_MECHANISMS, ['noanonymous']).map((m) => m.name)).toEqual(['PLAIN', 'LOGIN']);
  expect(allowedMechanisms(USUAL_MECHANISMS, ['noanonymous', 'noplaintext'])).toEqual([]);
});

it('responses must be strict base64', () => {
  expect(decodeResponse('=')).toEqual(Buffer.alloc(0));
  expect(decodeResponse('YQ==')?.toString()).toBe('a');
  for (const bad of ['YQ', 'Y===', '!!!!', 'YQ= =', 'Y Q=']) expect(decodeResponse(bad)).toBeNull();
});

it('S1: security options exclude mechanisms by what Dovecot says of them', () => {
  const all = MECHANISM_NAMES.flatMap((name) => findMechanism(name) ?? []);
  const left = (...options: string[]): string =>
    allowedMechanisms(all, options)
      .map(({ name }) => name)
      .join(' ');
  expect(left('noplaintext')).toBe('SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 EXTERNAL');
  expect(left('nodictionary')).not.toContain('CRAM-MD5');
  expect(left('noactive')).not.toContain('CRAM-MD5');
  expect(left('noanonymous')).toBe(MECHANISM_NAMES.join(' '));
  expect(left('mutual_auth')).toBe('SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1');
  expect(left('forward_secrecy')).toBe('');
});

describe('S1: access tokens', () => {
  const sent = (name: string, message: string) => begin(name).next(Buffer.from(message, 'latin1'));

  it('XOAUTH2 and OAUTHBEARER bring a login and a token', () => {
    expect(sent('XOAUTH2', 'user=maomao@baidu.com\x01auth=Bearer a.b-c~d+e/f==\x01\x01')).toMatchObject({
      kind: 'token',
      login: 'maomao@baidu.com',
      token: 'a.b-c~d+e/f==',
    });
    const example =
      'n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01';
    expect(sent('OAUTHBEARER', example)).toMatchObject({
      kind: 'token',
      login: 'user@example.com',
      token: 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==',
    });
    for (const end of ['', '\x01', '\x01x=y\x01\x01'])
      expect(sent('XOAUTH2', `user=maomao\x01auth=bearer good${end}`)).toMatchObject({ token: 'good' });
  });

  it('a refusal says why in JSON', () => {
    const refusal = (name: string, message: string, url: string): string => {
      const step = sent(name, message);
      return step.kind === 'token' ? step.refusal(url).toString() : step.kind;
    };
    const url = 'https://auth.example.com/.well-known/openid-configuration';
    expect(refusal('XOAUTH2', 'user=a\x01auth=Bearer b\x01\x01', '')).toBe(
      '{"status":"401","schemes":"bearer","scope":"mail"}',
    );
    expect(refusal('OAUTHBEARER', 'n,a=a,\x01auth=Bearer b\x01\x01', '')).toBe('{"status":"invalid_token"}');
    expect(refusal('OAUTHBEARER', 'n,a=a,\x01auth=Bearer b\x01\x01', url)).toBe(
      `{"status":"invalid_token","openid-configuration":"${url}"}`,
    );
  });

  it.each([
    ['XOAUTH2', ''],
    ['XOAUTH2', 'user=maomao'],
    ['XOAUTH2', 'auth=Bearer good\x01\x01'],
    ['XOAUTH2', 'user=maomao\x01auth=Basic good\x01\x01'],
    ['XOAUTH2', 'user=maomao\x01auth=Bearer \x01\x01'],
    ['XOAUTH2', 'user=maomao\x01auth=Bearer go od\x01\x01'],
    ['XOAUTH2', 'user=mao\0mao\x01auth=Bearer good\x01\x01'],
    ['XOAUTH2', `user=maomao\x01auth=Bearer ${'x'.repeat(8193)}\x01\x01`],
    ['OAUTHBEARER', ''],
    ['OAUTHBEARER', 'n,,\x01auth=Bearer good\x01\x01'],
    ['OAUTHBEARER', 'p=tls-exporter,a=maomao,\x01auth=Bearer good\x01\x01'],
    ['OAUTHBEARER', 'n,a=mao=6Dao,\x01auth=Bearer good\x01\x01'],
    ['OAUTHBEARER', 'user=maomao\x01auth=Bearer good\x01\x01'],
  ])('%s refuses %j', (name, message) => {
    expect(sent(name, message).kind).toBe('malformed');
  });
});

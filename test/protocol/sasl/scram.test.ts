/** SCRAM and CRAM-MD5: the examples of their RFCs, and what clients must not get away with. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cramMd5With } from '../../../src/protocol/sasl/cram-md5.ts';
import { hmacMd5, hmacMd5States } from '../../../src/protocol/sasl/hmac-md5.ts';
import type { ExchangeContext, SaslMechanism, SaslStep } from '../../../src/protocol/sasl/mechanism.ts';
import { scramWithNonce } from '../../../src/protocol/sasl/scram.ts';
import { deriveKeys, formatKeys, parseKeys, preparePassword } from '../../../src/protocol/sasl/scram-keys.ts';
import { findMechanism } from '../../../src/protocol/sasl/table.ts';
import { type ClientOptions, scramClient } from '../../kit/scram-client.ts';

const CLEAR: ExchangeContext = { channelBinding: () => null, offersBinding: false };
const BOUND: ExchangeContext = {
  channelBinding: (type) => (type === 'tls-exporter' ? Buffer.from('what both ends know') : null),
  offersBinding: true,
};
const SALT = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
const stored = formatKeys(await deriveKeys('sha256', Buffer.from('pencil'), { salt: SALT, iterations: 4096 }));

const text = (step: SaslStep): string => (step.kind === 'challenge' ? step.data.toString('latin1') : step.kind);

/** The last step, and the texts of those before. */
function play(mechanism: SaslMechanism, context: ExchangeContext, options: Partial<ClientOptions> = {}): SaslStep {
  const client = scramClient({ hash: 'sha256', login: 'user', password: 'pencil', ...options });
  const exchange = mechanism.begin(context);
  const first = exchange.next(Buffer.from(client.first, 'latin1'));
  if (first.kind !== 'secret') return first;
  const challenge = first.resume(stored);
  return challenge.kind === 'challenge'
    ? exchange.next(Buffer.from(client.final(text(challenge)), 'latin1'))
    : challenge;
}

const named = (name: string): SaslMechanism => {
  const found = findMechanism(name);
  if (found === undefined) throw new Error(name);
  return found;
};
const PLUS = named('SCRAM-SHA-256-PLUS');
const BARE = named('SCRAM-SHA-256');

describe('S1: SCRAM', () => {
  it.each([
    {
      rfc: 'RFC 5802 section 5',
      hash: 'sha1' as const,
      salt: 'QSXCR+Q6sek8bf92',
      first: 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
      nonce: '3rfcNHYJY1ZVvWVs7j',
      challenge: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
      final: 'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
      verified: 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
    },
    {
      rfc: 'RFC 7677 section 3',
      hash: 'sha256' as const,
      salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
      first: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
      nonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
      challenge: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
      final:
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      verified: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    },
  ])('plays the dialog of $rfc', async ({ hash, salt, first, nonce, challenge, final, verified }) => {
    const keys = await deriveKeys(hash, Buffer.from('pencil'), { salt: Buffer.from(salt, 'base64'), iterations: 4096 });
    const exchange = scramWithNonce(hash, nonce).begin(CLEAR);
    expect(text(exchange.next(null))).toBe('');
    const asked = exchange.next(Buffer.from(first));
    if (asked.kind !== 'secret') throw new Error(asked.kind);
    expect(asked.login).toBe('user');
    expect(text(asked.resume(formatKeys(keys)))).toBe(challenge);
    expect(exchange.next(Buffer.from(final))).toEqual({
      kind: 'proven',
      login: 'user',
      holds: true,
      final: Buffer.from(verified),
    });
  });

  it('a wrong password does not hold, whatever nonce a client has', () => {
    expect(play(BARE, CLEAR)).toMatchObject({ kind: 'proven', holds: true });
    expect(play(BARE, CLEAR, { password: 'pencils' })).toMatchObject({ kind: 'proven', holds: false });
    expect(play(BARE, CLEAR, { nonce: '~'.repeat(512) })).toMatchObject({ holds: true });
    expect(play(BARE, CLEAR, { nonce: '~'.repeat(513) }).kind).toBe('malformed');
  });

  it('a proof of one exchange is worth nothing in another', () => {
    const client = scramClient({ hash: 'sha256', login: 'user', password: 'pencil' });
    const begin = () => {
      const exchange = BARE.begin(CLEAR);
      const asked = exchange.next(Buffer.from(client.first));
      return { exchange, challenge: asked.kind === 'secret' ? text(asked.resume(stored)) : '' };
    };
    const [one, other] = [begin(), begin()];
    const final = Buffer.from(client.final(one.challenge));
    expect(one.challenge).not.toBe(other.challenge);
    expect(other.exchange.next(final).kind).toBe('malformed');
    expect(one.exchange.next(final)).toMatchObject({ holds: true });
  });

  it('names may have commas and equals signs; an authorization identity must be the same', () => {
    expect(play(BARE, CLEAR, { login: 'a=2Cb=3Dc' })).toMatchObject({ login: 'a,b=c', holds: true });
    expect(play(BARE, CLEAR, { header: 'n,a=USER,' })).toMatchObject({ holds: true });
    expect(play(BARE, CLEAR, { header: 'n,a=other,' })).toMatchObject({ reason: 'authorization failure' });
  });

  it('is bound to the TLS connection', () => {
    const header = 'p=tls-exporter,,';
    const bound = (data: string): SaslStep => play(PLUS, BOUND, { header, binding: Buffer.from(data) });
    expect(bound('what both ends know')).toMatchObject({ kind: 'proven', holds: true });
    expect(bound('what somebody between them knows')).toMatchObject({ reason: 'authorization failure' });
    expect(play(PLUS, BOUND, { header: 'p=tls-unique,,' }).kind).toBe('malformed');
    expect(play(PLUS, BOUND).kind).toBe('malformed');
    expect(play(BARE, BOUND, { header, binding: Buffer.from('what both ends know') }).kind).toBe('malformed');
  });

  it('a client that was told that there is no binding is refused where there is one', () => {
    expect(play(BARE, CLEAR, { header: 'y,,' })).toMatchObject({ holds: true });
    expect(play(BARE, BOUND, { header: 'y,,' })).toMatchObject({ reason: 'authorization failure' });
    expect(play(BARE, BOUND)).toMatchObject({ holds: true });
    expect(play(BARE, CLEAR, { sentHeader: 'y,,' })).toMatchObject({ reason: 'authorization failure' });
  });

  it.each([
    ...['', 'n', 'n,,', 'n,,n=a', 'n,,n=,r=abc', 'n,,m=1,n=a,r=abc', 'n,,n=a=3,r=abc', 'n,,n=a,r=', 'x,,n=a,r=abc'],
    ...['n,,r=abc,n=a', 'n,,n=a\0b,r=abc', 'n,,n=a,r=a\x01bc', 'n,,n=\xff,r=abc', `n,,n=${'a'.repeat(1025)},r=abc`],
    ...['n,a,n=a,r=abc', 'p=,,n=a,r=abc', `n,,n=a,r=abc${',x=y'.repeat(2000)}`],
  ])('refuses %j', (first) => {
    expect(BARE.begin(CLEAR).next(Buffer.from(first, 'latin1')).kind).toBe('malformed');
  });

  it.each<[string, (final: string) => string]>([
    ['another nonce', (final) => final.replace(/r=./, 'r=~')],
    ['no proof', (final) => final.replace(/,p=.*/, '')],
    ['a short proof', (final) => final.replace(/,p=.*/, ',p=YQ==')],
    ['a proof that is not base64', (final) => final.replace(/,p=.*/, ',p=!!!!')],
    ['something behind the proof', (final) => `${final},x=y`],
    ['no channel', (final) => final.replace(/^c=[^,]*,/, '')],
    ['the channel twice', (final) => `c=biws,${final}`],
  ])('refuses a last message with %s', (_name, change) => {
    expect(play(BARE, CLEAR, { change }).kind).toBe('malformed');
  });

  it('no messages make it throw', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom(...'nypcr=,aZ09+/') }), { maxLength: 3 }), (messages) => {
        const exchange = BARE.begin(CLEAR);
        for (const message of messages) {
          const step = exchange.next(Buffer.from(message));
          if (step.kind === 'secret') step.resume(stored);
        }
      }),
    );
  });

  it('keys are complete or nothing', () => {
    expect(parseKeys('sha256', stored)).toMatchObject({ iterations: 4096, salt: SALT });
    for (const bad of ['', '4096,a', stored.replace('4096', '0'), `1${'0'.repeat(8)}${stored}`, stored.slice(0, -8)])
      expect(parseKeys('sha256', bad)).toBeNull();
    expect(parseKeys('sha1', stored)).toBeNull();
  });

  it('passwords are prepared as clients do', () => {
    const prepared = (password: string): string => preparePassword(Buffer.from(password)).toString();
    expect(prepared('I\u00adX')).toBe('IX');
    expect(prepared('\u00aa \u2168\u00a0x')).toBe('a IX x');
    expect(preparePassword(Buffer.from('\xff', 'latin1'))).toEqual(Buffer.from('\xff', 'latin1'));
  });
});

describe('S1: CRAM-MD5', () => {
  const challenge = '<1896.697170952@postoffice.reston.mci.net>';
  const answer = (response: string): SaslStep => {
    const exchange = cramMd5With(challenge).begin(CLEAR);
    expect(text(exchange.next(null))).toBe(challenge);
    const step = exchange.next(Buffer.from(response, 'latin1'));
    return step.kind === 'secret' ? step.resume(hmacMd5States(Buffer.from('tanstaaftanstaaf'))) : step;
  };

  it('plays the dialog of RFC 2195', () => {
    expect(answer('tim b913a602c7eda7a495b4e6e7334d3890')).toMatchObject({ login: 'tim', holds: true });
    expect(answer('tim b913a602c7eda7a495b4e6e7334d3891')).toMatchObject({ holds: false });
    expect(answer('two words b913a602c7eda7a495b4e6e7334d3890')).toMatchObject({ login: 'two words' });
  });

  it.each(['', 'tim', 'tim ', 'tim zz', ' b913a602c7eda7a495b4e6e7334d3890', 'tim B913A602C7EDA7A495B4E6E7334D3890'])(
    'refuses %j',
    (response) => {
      expect(answer(response).kind).toBe('malformed');
    },
  );

  it('an initial response answers nothing', () => {
    const exchange = cramMd5With(challenge).begin(CLEAR);
    expect(text(exchange.next(Buffer.from('tim b913a602c7eda7a495b4e6e7334d3890')))).toBe(challenge);
  });

  it('its stored states are those of Dovecot, and give the HMAC of every text', () => {
    expect(hmacMd5States(Buffer.from('geheim'))).toBe(
      'f16f9cd57afad6931bff9508ef68ea2db1b62513b604cf995e4f882bed6d4f1a',
    );
    expect(hmacMd5('zz', Buffer.alloc(0))).toBeNull();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 150 }), fc.uint8Array({ maxLength: 150 }), (password, message) => {
        const expected = createHmac('md5', password).update(message).digest();
        expect(hmacMd5(hmacMd5States(Buffer.from(password)), Buffer.from(message))).toEqual(expected);
      }),
    );
  });
});

it('the client of these tests computes as RFC 5802 does', () => {
  const salted = pbkdf2Sync('pencil', SALT, 4096, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  expect(stored.split(',')[2]).toBe(createHash('sha256').update(clientKey).digest('base64'));
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXTERNAL } from '../../../src/protocol/sasl/external.ts';
import { decodeResponse } from '../../../src/protocol/sasl/mechanism.ts';
import { allowedMechanisms, SASL_MECHANISMS } from '../../../src/protocol/sasl/table.ts';

const begin = (name: string) => {
  const mechanism = SASL_MECHANISMS.find((known) => known.name === name);
  if (mechanism === undefined) throw new Error(name);
  return mechanism.begin();
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
      fc.constantFrom(...SASL_MECHANISMS, EXTERNAL),
      fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 3 }),
      (mechanism, responses) => {
        const exchange = mechanism.begin();
        for (const response of responses) {
          if (exchange.next(Buffer.from(response)).kind !== 'challenge') return;
        }
      },
    ),
  );
});

it('S1: noplaintext removes mechanisms that send the password', () => {
  expect(allowedMechanisms(['noanonymous']).map((m) => m.name)).toEqual(['PLAIN', 'LOGIN']);
  expect(allowedMechanisms(['noanonymous', 'noplaintext'])).toEqual([]);
});

it('responses must be strict base64', () => {
  expect(decodeResponse('=')).toEqual(Buffer.alloc(0));
  expect(decodeResponse('YQ==')?.toString()).toBe('a');
  for (const bad of ['YQ', 'Y===', '!!!!', 'YQ= =', 'Y Q=']) expect(decodeResponse(bad)).toBeNull();
});

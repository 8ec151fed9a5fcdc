/** Addresses in standard form, and where they lead: the expected texts are what Postfix 3.7 makes of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressResolver, isRouted } from '../../src/lookup/address-resolving.ts';
import { localRewriting } from '../../src/lookup/address-rewriting.ts';
import { parametersOf } from '../kit/parameters.ts';

const SETTINGS = {
  myhostname: 'mail.baidu.com',
  mydomain: 'baidu.com',
  myorigin: 'baidu.com',
  append_dot_mydomain: 'yes',
};
const OURS = ['baidu.com', 'mail.baidu.com'];

describe('P10: addresses in standard form', () => {
  it.each([
    ['joe', 'joe@baidu.com'],
    ['joe@host', 'joe@host.baidu.com'],
    ['joe@[127.0.0.1]', 'joe@[127.0.0.1]'],
    ['@a.example,@b.example:joe@c.example', 'joe@c.example'],
    ['site!joe', 'joe@site.baidu.com'],
    ['a!b!joe', 'b!joe@a.baidu.com'],
    ['joe%a.example%b.example', 'joe%a.example@b.example'],
    ['"a%b"', '"a%b"@baidu.com'],
    ['a!b@c.example', 'a!b@c.example'],
    ['joe@c.example.', 'joe@c.example'],
    ['joe@c.example..', 'joe@c.example..'],
    ['', ''],
    ['@', ''],
  ])('%s', (given, expected) => {
    expect(localRewriting(parametersOf(SETTINGS))(given)).toBe(expected);
  });

  it('no operator acts that is off, and nothing is appended', () => {
    const off = ['append_at_myorigin', 'append_dot_mydomain', 'swap_bangpath', 'allow_percent_hack'];
    const rewrite = localRewriting(
      parametersOf({ ...SETTINGS, ...Object.fromEntries(off.map((name) => [name, 'no'])) }),
    );
    for (const address of ['joe', 'site!joe', 'joe%site', 'joe@host']) expect(rewrite(address)).toBe(address);
  });
});

const resolver = (settings: Readonly<Record<string, string>> = {}): AddressResolver =>
  new AddressResolver({
    parameters: parametersOf({ ...SETTINGS, ...settings }),
    isLocal: (domain) => OURS.includes(domain),
  });

describe('P10: where an address leads', () => {
  it.each([
    ['joe@baidu.com', 'joe@baidu.com'],
    ['joe%far.example@baidu.com', 'joe@far.example'],
    ['far.example!joe@mail.baidu.com', 'joe@far.example'],
    ['"joe@far.example"@baidu.com', 'joe@far.example'],
    ['"joe b%far.example"@baidu.com', '"joe b"@far.example'],
    ['joe%far.example%baidu.com@mail.baidu.com', 'joe@far.example'],
    ['joe%far.example@else.example', 'joe%far.example@else.example'],
    ['"a\\"b"@else.example', '"a\\"b"@else.example'],
  ])('%s', async (given, expected) => {
    expect(await resolver().resolve(given)).toBe(expected);
  });

  it('without a domain it is of this host, and quotes keep what resolve_dequoted_address = no leaves in them', async () => {
    expect(await resolver({ append_at_myorigin: 'no' }).resolve('joe')).toBe('joe@mail.baidu.com');
    const quoted = '"joe@far.example"@baidu.com';
    expect(await resolver({ resolve_dequoted_address: 'no' }).resolve(quoted)).toBe(quoted);
  });

  it('one that names a second domain is routed', () => {
    for (const address of ['joe%far.example@else.example', '"joe@far.example"@baidu.com', 'a!b@baidu.com'])
      expect(isRouted(address)).toBe(true);
    for (const address of ['joe+x@baidu.com', '"joe b"@baidu.com']) expect(isRouted(address)).toBe(false);
  });

  it('any text leads somewhere, and what is resolved is resolved', async () => {
    const piece = fc.constantFrom('a', '@', '!', '%', '.', '"', '\\', '[', ']', ':', 'baidu.com', '@baidu.com', ' ');
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), async (pieces) => {
        const resolved = await resolver().resolve(pieces.join(''));
        expect(typeof resolved).toBe('string');
      }),
      { numRuns: 1000 },
    );
  });

  it('an address of many domains of ours takes bounded work', async () => {
    let asked = 0;
    const many = new AddressResolver({
      parameters: parametersOf(SETTINGS),
      isLocal: () => {
        asked += 1;
        return true;
      },
    });
    await many.resolve(`a${'@baidu.com'.repeat(100)}`);
    expect(asked).toBeLessThanOrEqual(50);
  });
});

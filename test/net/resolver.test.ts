import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StubResolver } from '../../src/net/resolver.ts';
import { ResolveError } from '../../src/protocol/dns/resolver.ts';
import type { DnsServer } from '../../src/server/dns/server.ts';
import { portOf, served, start } from '../server/dns/house.ts';

const ZONE = `$TTL 60
@ IN SOA ns admin 1 1D 1H 1W 10M
@ NS ns
@ MX 10 MAIL
@ MX 20 mail2.other.test.
@ TXT "v=spf1 " "-all"
ns A 127.0.0.1
mail A 192.0.2.2
mail AAAA 2001:db8::2
www CNAME mail
null MX 0 .
out CNAME www.up.test.
sub NS ns.up.test.
loop CNAME loop
`;
const UP = `$TTL 60\n@ IN SOA ns admin 1 1D 1H 1W 10M\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.99\n`;
const REVERSE =
  '$TTL 60\n@ SOA ns.own.test. admin.own.test. 1 1D 1H 1W 10M\n@ NS ns.own.test.\n2 PTR mail.own.test.\n2 PTR www.own.test.\n';

let upstream: DnsServer;
let own: DnsServer;
const resolvers: StubResolver[] = [];
const make = (...args: ConstructorParameters<typeof StubResolver>): StubResolver => {
  const resolver = new StubResolver(...args);
  resolvers.push(resolver);
  return resolver;
};

beforeAll(async () => {
  upstream = await start(
    served({
      'up.test.': UP,
      'own.test.': ZONE.replace('192.0.2.2', '198.51.100.1'),
      '2.0.192.in-addr.arpa.': REVERSE,
    }),
  );
  own = await start(served({ 'own.test.': ZONE, '2.0.192.in-addr.arpa.': REVERSE }));
});
afterAll(async () => {
  for (const resolver of resolvers) resolver.close();
  await Promise.all([upstream.close(), own.close()]);
});

const servers = () => [`127.0.0.1:${portOf(upstream)}`];
const reason = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'an answer',
    (error: unknown) => (error instanceof ResolveError ? error.reason : error),
  );

describe.each(['a named upstream', 'our own zones'])('the resolver over %s', (mode) => {
  const resolver = (): StubResolver =>
    make(mode === 'our own zones' ? { servers: [], tries: 1, local: own.resolve } : { servers: servers(), tries: 1 });

  it('B6: returns mail exchangers, addresses, texts, servers and reverse names in lower case without a trailing dot', async () => {
    const r = resolver();
    expect([...(await r.mx('OWN.test'))].sort((a, b) => a.preference - b.preference)).toEqual([
      { exchange: 'mail.own.test', preference: 10 },
      { exchange: 'mail2.other.test', preference: 20 },
    ]);
    expect(await r.a('mail.own.test.')).toEqual([mode === 'our own zones' ? '192.0.2.2' : '198.51.100.1']);
    expect(await r.aaaa('mail.own.test')).toEqual(['2001:db8::2']);
    expect(await r.a('www.own.test')).toHaveLength(1);
    expect(await r.txt('own.test')).toEqual(['v=spf1 -all']);
    expect(await r.ns('own.test')).toEqual(['ns.own.test']);
    expect([...(await r.ptr('192.0.2.2'))].sort()).toEqual(['mail.own.test', 'www.own.test']);
    expect(await r.mx('null.own.test')).toEqual([{ exchange: '', preference: 0 }]);
  });

  it('gives the reason if there is no answer', async () => {
    const r = resolver();
    expect(await reason(r.a('nowhere.own.test'))).toBe('notfound');
    expect(await reason(r.mx('mail.own.test'))).toBe('nodata');
    expect(await reason(r.a(`${'a'.repeat(64)}.test`))).toBe('notfound');
    expect(await reason(r.ptr('no address'))).toBe('notfound');
    expect(await reason(r.a('loop.own.test'))).not.toBe('an answer');
  });
});

describe('the resolver', () => {
  it('B6: queries the upstream for other zones, for delegated names, and for targets of a CNAME outside our zones', async () => {
    const r = make({ servers: servers(), tries: 1, local: own.resolve });
    expect(await r.a('mail.own.test')).toEqual(['192.0.2.2']);
    expect(await r.a('www.up.test')).toEqual(['192.0.2.99']);
    expect(await r.a('out.own.test')).toEqual(['192.0.2.99']);
  });

  it('returns tempfail if a server refuses, and after it is closed', async () => {
    const r = make({ servers: servers(), tries: 1 });
    expect(await reason(r.a('www.stranger.test'))).toBe('tempfail');
    r.close();
    expect(await reason(r.a('www.up.test'))).toBe('tempfail');
  });

  it('sends many queries with few in flight at once', async () => {
    const r = make({ servers: servers(), tries: 1, concurrency: 2 });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (i % 2 ? r.a('www.up.test') : r.a('ns.up.test'))),
    );
    expect(answers.flat()).toHaveLength(50);
  });

  it('refuses an invalid server address', () => {
    expect(() => new StubResolver({ servers: ['not an address'] })).toThrow();
  });
});

it('B6: localhost resolves both ways without a query; our own zones may override it', async () => {
  const nobody = make({ servers: ['127.0.0.1:1'], timeoutMs: 100, tries: 1 });
  expect([await nobody.ptr('127.0.0.1'), await nobody.ptr('::1')]).toEqual([['localhost'], ['localhost']]);
  expect([await nobody.a('localhost'), await nobody.aaaa('LocalHost.')]).toEqual([['127.0.0.1'], ['::1']]);
  expect(await reason(nobody.ptr('127.0.0.2'))).toBe('tempfail');
  const zone = await start(
    served({
      '0.0.127.in-addr.arpa.':
        '@ 60 SOA ns.own.test. admin.own.test. 1 1D 1H 1W 10M\n@ NS ns.own.test.\n1 PTR here.own.test.\n',
    }),
  );
  expect(await make({ servers: [], local: zone.resolve }).ptr('127.0.0.1')).toEqual(['here.own.test']);
  await zone.close();
});

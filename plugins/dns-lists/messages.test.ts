import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { resolverOf } from '../../test/kit/resolver.ts';
import { DnsLists } from './lists.ts';
import { hitsOf } from './score.ts';
import { scoredList } from './settings.ts';
import { linkedHosts, someOf } from './uris.ts';

let server: TestServer;
afterEach(() => server?.close());

const ZONES = {
  'zen.example':
    '9.113.0.203 A 127.0.0.4\n9.113.0.203 TXT "ask at https://zen.example/"\n10.113.0.203 A 127.255.255.254\n10.113.0.203 TXT "open resolver"\n11.113.0.203 A 192.0.2.1\n7.113.0.203 A 127.0.0.10',
  'names.example': 'bad.example.org A 127.0.1.2\nhelo.example.org A 127.0.1.2',
  'uri.example': 'bad.example.net A 127.0.0.2\n4.3.2.1 A 127.0.0.2\nblocked.example.net A 127.0.0.1',
  'good.example': '9.113.0.203 A 127.0.0.2',
};
const start = async (config: object): Promise<void> => {
  server = await startTestServer({
    plugins: [],
    zones: ZONES,
    config: { 'dns-lists': config },
    accounts: ['user@example.test', 'postmaster@example.test'],
  });
};
const letter = { from: 'a@example.org', to: 'user@example.test' };
const QUEUED = /^250 2\.0\.0 Ok: queued as /;
const marks = async (mailbox = 'INBOX'): Promise<(string | null)[]> =>
  (await server.messages('user@example.test', mailbox)).map(({ header }) => header.get('X-DNS-Lists'));

describe('P7: lists of messages', () => {
  it.each([
    ['client', 'zen.example', {}, 'Client host [203.0.113.9] blocked using zen.example; ask at https://zen.example/'],
    [
      'helo',
      'names.example',
      { helo: 'helo.example.org' },
      'Helo command [helo.example.org] blocked using names.example',
    ],
    [
      'sender',
      'names.example',
      { from: 'x@bad.example.org' },
      'Sender address [x@bad.example.org] blocked using names.example',
    ],
    [
      'uri',
      'uri.example',
      { text: 'See https://www.x.bad.example.net/' },
      'Link to [example.net] blocked using uri.example',
    ],
    ['uri', 'uri.example', { text: 'See http://1.2.3.4:8080/x' }, 'Link to [1.2.3.4] blocked using uri.example'],
  ])('one of a %s refuses by %s, %j', async (subject, zone, more, text) => {
    server = await startTestServer({
      plugins: [],
      zones: { ...ZONES, 'uri.example': 'example.net A 127.0.0.2\n4.3.2.1 A 127.0.0.2' },
      config: { 'dns-lists': { lists: [{ zone, asks: [subject], action: 'reject' }] } },
    });
    expect(await server.send({ ...letter, ...more })).toBe(`554 5.7.1 Service unavailable; ${text}`);
    expect(await server.send({ ...letter, ip: '203.0.113.99', helo: 'x.example.org' })).toMatch(QUEUED);
    expect(await server.metric('posthorn_plugin_dns_lists_hits_total', { zone, subject })).toBeGreaterThan(0);
  });

  it('their weights add up to a mark, to Junk, and to a refusal; an allow list counts against them', async () => {
    await start({
      lists: [
        { zone: 'zen.example=127.0.0.[2..4]', asks: ['client'], weight: 2 },
        { zone: 'names.example', asks: ['helo', 'sender'], weight: 1.5 },
        { zone: 'good.example', asks: ['client'], weight: -0.5 },
      ],
      tag_at: 1.5,
      junk_at: 3,
      reject_at: 4.5,
    });
    expect(await server.send({ ...letter, ip: '203.0.113.7', from: 'x@bad.example.org' })).toMatch(QUEUED);
    expect(await server.send({ ...letter, from: 'x@bad.example.org' })).toMatch(QUEUED);
    expect(await server.send({ ...letter, from: 'x@bad.example.org', helo: 'helo.example.org' })).toBe(
      '554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.example, names.example; ask at https://zen.example/',
    );
    expect(
      await server.send({ ...letter, ip: '203.0.113.99', header: { 'X-DNS-Lists': 'junk; of the sender' } }),
    ).toMatch(QUEUED);
    expect(await marks()).toEqual(['tag; score=1.5; sender[x@bad.example.org]=names.example(127.0.1.2)', null]);
    expect(await marks('Junk')).toEqual([
      'junk; score=3; client[203.0.113.9]=zen.example(127.0.0.4) sender[x@bad.example.org]=names.example(127.0.1.2) client[203.0.113.9]=good.example(127.0.0.2)',
    ]);
    expect((await server.logged(/: listed: .*, reject$/)).msg).toContain('score 4.5');
  });

  it('an answer that is a refusal, and one outside of 127.0.0.0/8, is no listing, and the first is told', async () => {
    await start({
      lists: [
        { zone: 'zen.example', asks: ['client'], action: 'reject' },
        { zone: 'uri.example', asks: ['uri'], action: 'reject' },
      ],
    });
    for (const ip of ['203.0.113.10', '203.0.113.11']) expect(await server.send({ ...letter, ip })).toMatch(QUEUED);
    expect((await server.logged(/the list zen\.example answers 127\.255\.255\.254 \(open resolver\)/)).level).toBe(
      'warn',
    );
  });

  it('users, mynetworks, exceptions and mail for the postmaster alone are not asked about', async () => {
    await start({ lists: [{ zone: 'zen.example', asks: ['client'], action: 'reject' }], clients: ['203.0.113.7'] });
    expect(await server.send({ ...letter, from: 'user@example.test', user: 'user@example.test' })).toMatch(QUEUED);
    expect(await server.send({ ...letter, ip: '203.0.113.7' })).toMatch(QUEUED);
    expect(await server.send({ ...letter, ip: '192.0.2.9' })).toMatch(QUEUED);
    expect(await server.send({ ...letter, to: 'postmaster@example.test' })).toMatch(QUEUED);
    expect(await server.send({ ...letter, to: ['postmaster@example.test', 'user@example.test'] })).toMatch(/^554 /);
  });

  it('a configuration that cannot be is refused with its line', async () => {
    await expect(start({ lists: [{ zone: 'zen.example', asks: ['url'] }] })).rejects.toThrow(
      /dns-lists\.json:\d+: .*asks/,
    );
    await expect(start({ lists: [{ zone: 'zen.example=127.0.0', asks: ['uri'] }] })).rejects.toThrow(
      /is not a DNS list/,
    );
    await expect(start({ lists: [{ zone: 'zen.example', asks: [] }] })).rejects.toThrow(
      /asks is empty, expected some of client,/,
    );
    await expect(start({ lookupSeconds: 30 })).rejects.toThrow(/dns-lists\.json:\d+: .*lookupSeconds/);
  });
});

describe('answers', () => {
  const never = () => new Promise<never>(() => {});
  const subjects = {
    client: ['203.0.113.9'],
    client_name: ['unknown'],
    helo: [''],
    sender: [''],
    uri: ['1.2.3.4', 'a.example', 'b.example'],
  };

  it('that do not come in time are none; what was answered by then counts', async () => {
    const resolver = resolverOf({
      'a a.example.fast.example': ['127.0.0.2'],
      'a b.example.fast.example': ['127.0.0.2'],
    });
    const dns = new DnsLists({
      resolver: { ...resolver, a: (name) => (name.endsWith('slow.example') ? never() : resolver.a(name)) },
      clock: () => 0,
      deadline: 60_000,
      warn: () => {},
    });
    const list = (zone: string) =>
      scoredList({
        zone,
        asks: ['client', 'uri', 'client_name', 'helo', 'sender'],
        action: 'score',
        weight: 1,
        addresses: false,
      });
    const hits = await hitsOf([list('slow.example'), list('fast.example')], subjects, dns, 50);
    expect(hits.map(({ what, list: { zone } }) => [what, zone])).toEqual([['a.example', 'fast.example']]);
    expect(resolver.asked.sort()).toEqual(
      ['a.example', 'b.example', '9.113.0.203']
        .map((label) => `a ${label}.fast.example`)
        .sort()
        .concat(['txt a.example.fast.example', 'txt b.example.fast.example']),
    );
  });

  it('127.0.0.1 is a refusal, unless a pattern names it', () => {
    const list = (zone: string) => scoredList({ zone, asks: ['uri'], action: 'score', weight: 1, addresses: true });
    expect(['x.example', 'x.example=127.0.0.[1..4]'].map((zone) => list(zone).counts('127.0.0.1'))).toEqual([
      false,
      true,
    ]);
    expect(list('x.example').refuses('127.0.0.1')).toBe(true);
  });
});

describe('links', () => {
  const message = (text: string): AsyncIterable<Buffer> =>
    Readable.from([Buffer.from(`Content-Type: text/plain; charset=utf-8\r\n\r\n${text}`)]);

  it.each([
    ['See https://www.shop.bad.co.uk/x?y.', ['bad.co.uk']],
    ['http://user:pass@evil.example:81/', ['evil.example']],
    [`http://paypal.com${'x'.repeat(900)}@evil.example/`, ['evil.example']],
    ['HTTP:\\\\evil.example\\x http:/a.example https:///b.example', ['evil.example', 'a.example', 'b.example']],
    ['<a href="//cdn.evil.example/x">', ['evil.example']],
    ['www.evil.example, and mail@www.other.example', ['evil.example']],
    ['http://16909060/ http://0x7f000001/ http://[2001:db8::1]/ http://[2606:4700::1]/', ['1.2.3.4', '2606:4700::1']],
    ['http://xn--fiqs8s.example http://中国.example http://ｅｖｉｌ．example', ['xn--fiqs8s.example', 'evil.example']],
    ['请看https://evil.example点击这里', ['evil.xn--example-8h0lz89tvb7c3qe', 'evil.example']],
    ['http://alice.github.io/ http://bob.github.io/', ['alice.github.io', 'bob.github.io']],
    ['http://localhost/ http:// https://co.uk/ http://127.0.0.1/ http://%', []],
  ])('%s', async (text, hosts) => {
    expect(await linkedHosts(message(text))).toEqual(hosts);
  });

  it('are read from HTML, quoted-printable, base64 and other charsets', async () => {
    const html = Buffer.from('<a href="http&#58;//b&period;ex&#x61;mple/">x</a>').toString('base64');
    const parts = [
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain; charset=us-ascii',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'http://www.a.exa=',
      'mple/ http=3A//c.example/',
      '--b',
      'Content-Type: text/html; charset=utf-8',
      'Content-Transfer-Encoding: base64',
      '',
      html,
      '--b',
      'Content-Type: application/pdf',
      '',
      'http://not.example/',
      '--b--',
      '',
    ].join('\r\n');
    expect(await linkedHosts(Readable.from([Buffer.from(parts)]))).toEqual(['a.example', 'c.example', 'b.example']);
  });

  it('are bounded, and taken from all of a message', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => `http://d${i}.example/`).join('\n');
    const found = await linkedHosts(Readable.from([Buffer.from(`Subject: x\r\n\r\n${many}`)]));
    expect(found).toHaveLength(1_000);
    expect(someOf(found, 4)).toEqual(['d0.example', 'd250.example', 'd500.example', 'd750.example']);
    expect(await linkedHosts(Readable.from([Buffer.from(`Subject: x\r\n\r\n${'http://'.repeat(100_000)}`)]))).toEqual(
      [],
    );
    for (const text of ['http://x'.repeat(30_000), `www${'.'.repeat(200_000)}`, `"//${'a.'.repeat(100_000)}`])
      expect(await linkedHosts(message(text))).toEqual([]);
  });
});

/** DANE (RFC 7672): whether mail is sent, and only to a server that its TLSA records name. */
import { createHash, X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { clientParameters } from '../../../src/delivery/client/client-parameters.ts';
import { type TlsPolicy, tlsPolicy } from '../../../src/delivery/client/tls-policy.ts';
import { readClientTls } from '../../../src/delivery/client/tls-settings.ts';
import type { Nexthop } from '../../../src/delivery/route/nexthop.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { type SecureRecords, secureResolverOf } from '../../kit/secure-resolver.ts';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';
import { openSink, type Sink } from './sink.ts';

const DIGEST = 'ab'.repeat(32);
const FOUND: SecureRecords = { 'mx a.example': '10 mx.a.example', 'a mx.a.example': '1' };
const TLSA = 'tlsa _25._tcp.mx.a.example';

interface Asked {
  readonly level?: 'dane' | 'dane-only';
  readonly settings?: Readonly<Record<string, string>>;
  readonly mx?: boolean;
  readonly isTrusted?: boolean;
}

/** The level, or why mail waits. */
async function policyWith(
  records: SecureRecords,
  { level = 'dane', settings = {}, mx = true, isTrusted = true }: Asked = {},
): Promise<TlsPolicy | string> {
  const parameters = parametersOf({
    smtp_dns_support_level: 'dnssec',
    smtp_tls_security_level: level,
    ...settings,
  });
  const place = {
    nexthop: { host: mx ? 'a.example' : 'mx.a.example', mx, socket: null } as Nexthop,
    hostName: 'mx.a.example',
    destination: 'a.example',
    port: 25,
  };
  const tls = readClientTls(clientParameters('smtp', parameters), tablesOf());
  return tlsPolicy(place, tls, secureResolverOf(records, isTrusted)).catch((error: Error) => error.message);
}
const levelWith = async (...asked: Parameters<typeof policyWith>): Promise<string> => {
  const policy = await policyWith(...asked);
  return typeof policy === 'string' ? policy : policy.level;
};

describe('T1: what DNS says about a host', () => {
  it.each<[string, SecureRecords, string, string]>([
    ['usable records', { ...FOUND, [TLSA]: `3 1 1 ${DIGEST}` }, 'dane', 'dane'],
    ['no records', FOUND, 'may', 'dane-only: mx.a.example has no TLSA records'],
    [
      'records that are not validated',
      { ...FOUND, [TLSA]: `!3 1 1 ${DIGEST}` },
      'may',
      'dane-only: mx.a.example has no TLSA records',
    ],
    [
      'records of PKIX usages, of unknown kinds and lengths',
      { ...FOUND, [TLSA]: `1 1 1 ${DIGEST},0 0 1 ${DIGEST},3 2 1 ${DIGEST},3 1 3 ${DIGEST},3 1 1 abcd,3 1 0` },
      'encrypt',
      'dane-only: mx.a.example has no usable TLSA records',
    ],
    [
      'addresses that are not validated',
      { ...FOUND, 'a mx.a.example': '!1', [TLSA]: `3 1 1 ${DIGEST}` },
      'may',
      'dane-only: mx.a.example has addresses that DNSSEC does not protect',
    ],
    [
      'MX records that are not validated',
      { ...FOUND, 'mx a.example': '!10 mx.a.example', [TLSA]: `3 1 1 ${DIGEST}` },
      'dane',
      'dane-only: a.example has MX records that DNSSEC does not protect',
    ],
    [
      'a host that the validated MX records do not name',
      { ...FOUND, 'mx a.example': '10 other.a.example' },
      'TLSA lookup error for mx.a.example:25: it is no MX host of a.example',
      'TLSA lookup error for mx.a.example:25: it is no MX host of a.example',
    ],
    ...(['mx a.example', 'a mx.a.example', TLSA].map((name) => [
      `a forged answer for ${name}`,
      { ...FOUND, [name]: 'forged' },
      'TLSA lookup error for mx.a.example:25: SERVFAIL',
      'TLSA lookup error for mx.a.example:25: SERVFAIL',
    ]) as [string, SecureRecords, string, string][]),
  ])('%s', async (_what, records, dane, daneOnly) => {
    expect(await levelWith(records)).toBe(dane);
    expect(await levelWith(records, { level: 'dane-only' })).toBe(daneOnly);
  });

  it.each(['none', 'may', 'encrypt', 'dane'])('smtp_tls_dane_insecure_mx_policy = %s', async (level) => {
    const records = { ...FOUND, 'mx a.example': '!10 mx.a.example', [TLSA]: `3 1 1 ${DIGEST}` };
    expect(await levelWith(records, { settings: { smtp_tls_dane_insecure_mx_policy: level } })).toBe(level);
    // Without TLSA records it says nothing.
    expect(
      await levelWith(
        { 'mx a.example': '!10 mx.a.example' },
        { settings: { smtp_tls_dane_insecure_mx_policy: level } },
      ),
    ).toBe('may');
  });

  it('a next hop that the administrator names needs no MX', async () =>
    expect(
      await levelWith({ 'a mx.a.example': '1', [TLSA]: `3 1 1 ${DIGEST}` }, { mx: false, level: 'dane-only' }),
    ).toBe('dane'));

  it('records are asked for at the name to which CNAME records lead, then at the first one', async () => {
    const alias = { 'mx a.example': '10 mx.a.example', 'a mx.a.example': 'cname host.b.example;1' };
    const there = { ...alias, 'tlsa _25._tcp.host.b.example': `3 1 1 ${DIGEST}` };
    expect(await policyWith(there)).toMatchObject({ level: 'dane', serverName: 'host.b.example' });
    expect(await policyWith({ ...alias, [TLSA]: `3 1 1 ${DIGEST}` })).toMatchObject({
      level: 'dane',
      serverName: 'mx.a.example',
      names: ['mx.a.example', 'a.example'],
    });
  });

  it('smtp_tls_force_insecure_host_tlsa_lookup asks also where addresses are not validated', async () => {
    const records = { ...FOUND, 'a mx.a.example': '!1', [TLSA]: `3 1 1 ${DIGEST}` };
    expect(await levelWith(records, { settings: { smtp_tls_force_insecure_host_tlsa_lookup: 'yes' } })).toBe('dane');
  });

  it('tls_dane_digests: the strongest digest of a kind counts, and those that are listed', async () => {
    const both = { ...FOUND, [TLSA]: `3 1 1 ${DIGEST},3 1 2 ${DIGEST}${DIGEST},2 1 1 ${DIGEST}` };
    const kinds = async (settings = {}) => {
      const policy = await policyWith(both, { settings });
      return typeof policy === 'string' ? policy : policy.tlsa.map(({ usage, matching }) => [usage, matching]);
    };
    expect(await kinds()).toEqual([
      [3, 2],
      [2, 1],
    ]);
    expect(await kinds({ tls_dane_digests: 'sha256' })).toEqual([
      [3, 1],
      [2, 1],
    ]);
  });

  it('nothing is asked without smtp_dns_support_level = dnssec, nor of name servers that are not believed', async () => {
    const records = { ...FOUND, [TLSA]: `3 1 1 ${DIGEST}` };
    expect(await levelWith(records, { isTrusted: false })).toBe('may');
    expect(await levelWith(records, { settings: { smtp_dns_support_level: 'enabled' } })).toBe('may');
    expect(await levelWith(records, { isTrusted: false, level: 'dane-only' })).toMatch(
      /no name server on this machine/,
    );
    expect(await levelWith(records, { settings: { smtp_dns_support_level: 'enabled' }, level: 'dane-only' })).toMatch(
      /smtp_dns_support_level is not dnssec/,
    );
  });
});

let house: TestHouse | null = null;
let sink: Sink | null = null;
afterEach(async () => {
  await house?.stop();
  await sink?.close();
});

/** A server's certificate of an authority. */
async function certificates(host: string, more: { readonly isExpired?: boolean } = {}) {
  const authority = await generate([{ name: 'commonName', value: 'An authority' }], {
    keyType: 'ec',
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  });
  const now = Date.now();
  const server = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    notBeforeDate: new Date(now - 20 * 86_400_000),
    notAfterDate: new Date(now + (more.isExpired === true ? -10 : 10) * 86_400_000),
    ca: { key: authority.private, cert: authority.cert },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: host }] }],
  });
  return { authority: authority.cert, chain: `${server.cert}\n${authority.cert}`, key: server.private };
}

const sha256 = (octets: Buffer): string => createHash('sha256').update(octets).digest('hex');
const spki = (pem: string): Buffer => new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
const whole = (pem: string): Buffer => new X509Certificate(pem).raw;

describe('T1: mail is sent only to a server that its TLSA records name', () => {
  it.each<[string, string, { readonly isExpired?: boolean }, (chain: string, authority: string) => string, boolean]>([
    ['its key', 'other.example', {}, (chain) => `3 1 1 ${sha256(spki(chain))}`, true],
    ['its certificate, whole', 'other.example', {}, (chain) => `3 0 0 ${whole(chain).toString('hex')}`, true],
    [
      'its certificate, expired',
      'other.example',
      { isExpired: true },
      (chain) => `3 0 1 ${sha256(whole(chain))}`,
      true,
    ],
    ['another key beside its own', 'x.example', {}, (chain) => `3 1 1 ${DIGEST},3 1 1 ${sha256(spki(chain))}`, true],
    ['another key', 'mail.qq.com', {}, () => `3 1 1 ${DIGEST}`, false],
    ['its authority', 'mail.qq.com', {}, (_chain, authority) => `2 1 1 ${sha256(spki(authority))}`, true],
    ['its authority, for the domain', 'qq.com', {}, (_chain, authority) => `2 0 1 ${sha256(whole(authority))}`, true],
    [
      'its authority, for another name',
      'x.example',
      {},
      (_chain, authority) => `2 1 1 ${sha256(spki(authority))}`,
      false,
    ],
    [
      'its authority, expired',
      'mail.qq.com',
      { isExpired: true },
      (_chain, authority) => `2 1 1 ${sha256(spki(authority))}`,
      false,
    ],
    ['another authority', 'mail.qq.com', {}, () => `2 1 1 ${DIGEST}`, false],
    ['its own key as an authority', 'mail.qq.com', {}, (chain) => `2 1 1 ${sha256(spki(chain))}`, false],
  ])('they name %s', async (_what, host, more, records, isSent) => {
    const { chain, authority, key } = await certificates(host, more);
    sink = await openSink({ disabledCommands: ['AUTH'], key, cert: chain });
    house = await openHouse({
      dns: { 'mx qq.com': ['10 mail.qq.com'], 'a mail.qq.com': ['127.0.0.1'] },
      smtpPort: sink.port,
      settings: { smtp_tls_security_level: 'dane', smtp_dns_support_level: 'dnssec', smtp_tls_loglevel: '1' },
      secureResolver: secureResolverOf({
        'mx qq.com': '10 mail.qq.com',
        'a mail.qq.com': '1',
        [`tlsa _${sink.port}._tcp.mail.qq.com`]: records(chain, authority),
      }),
    });
    house.runner.start();
    await house.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, 'Subject: x\r\n\r\nx\r\n');
    await house.runner.idle();
    expect(sink.received.map(({ secure }) => secure)).toEqual(isSent ? [true] : []);
    const lines = house.lines.join('\n');
    if (isSent) expect(lines).toContain('Verified TLS connection established to mail.qq.com[127.0.0.1]');
    else {
      expect(lines).toContain('no matching DANE TLSA records');
      expect((await house.queue())[0]?.lastReply).toMatchObject({
        enhanced: '4.7.5',
        text: 'Server certificate not verified',
      });
    }
  });

  it('a forged answer keeps mail in the queue, and dnssec_probe says once that nothing is validated', async () => {
    sink = await openSink();
    const records: Record<string, string> = { 'mx qq.com': 'forged' };
    house = await openHouse({
      dns: { 'mx qq.com': ['10 mail.qq.com'], 'a mail.qq.com': ['127.0.0.1'] },
      smtpPort: sink.port,
      settings: { smtp_tls_security_level: 'dane', smtp_dns_support_level: 'dnssec' },
      secureResolver: secureResolverOf(records),
    });
    house.runner.start();
    const send = async (): Promise<void> => {
      await house?.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, 'Subject: x\r\n\r\nx\r\n');
      await house?.runner.idle();
    };
    await send();
    expect((await house.queue())[0]?.lastReply).toMatchObject({
      enhanced: '4.7.5',
      text: `TLSA lookup error for mail.qq.com:${sink.port}`,
    });
    Object.assign(records, { 'mx qq.com': '!10 mail.qq.com', 'a mail.qq.com': '!1', 'ns .': '!1' });
    await send();
    await send();
    expect(sink.received).toHaveLength(2);
    const said = house.lines.filter((line) => line.includes('DNSSEC validation may be unavailable'));
    expect(said).toEqual([
      expect.stringContaining("dnssec_probe 'ns:.' received a response that is not DNSSEC validated"),
    ]);
  });
});

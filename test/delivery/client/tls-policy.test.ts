import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ClientContexts } from '../../../src/delivery/client/client-contexts.ts';
import { clientParameters } from '../../../src/delivery/client/client-parameters.ts';
import { PolicyFault } from '../../../src/delivery/client/policy-fault.ts';
import { type TlsPolicy, tlsPolicy } from '../../../src/delivery/client/tls-policy.ts';
import { readClientTls } from '../../../src/delivery/client/tls-settings.ts';
import type { Nexthop } from '../../../src/delivery/route/nexthop.ts';
import { makeCertificate } from '../../../src/net/certificate.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { secureResolverOf } from '../../kit/secure-resolver.ts';
import { tablesOf } from '../house.ts';

const TABLE = {
  'example.com': 'encrypt',
  '.example.com': 'secure match=nexthop:.mx.example.com ciphers=high protocols=TLSv1.2:TLSv1.3',
  '[mail.example.net]:587': 'verify servername=hostname',
  'pin.example': 'fingerprint match=AA:bb|cc match=DD',
  'off.example': 'none',
};

function policyFor(
  destination: string,
  host = destination,
  more: Readonly<Record<string, string>> = {},
): Promise<TlsPolicy> {
  const parameters = parametersOf({ smtp_tls_security_level: 'may', smtp_tls_policy_maps: 'hash:p', ...more });
  const settings = readClientTls(clientParameters('smtp', parameters), tablesOf({ 'hash:p': TABLE }));
  return tlsPolicy(
    { nexthop: { host } as Nexthop, hostName: 'mx1.example.org', destination, port: 25 },
    settings,
    secureResolverOf(),
  );
}

describe('T1: smtp_tls_policy_maps', () => {
  it('T1: the domain, then each domain above it with a dot', async () => {
    expect((await policyFor('EXAMPLE.com')).level).toBe('encrypt');
    expect((await policyFor('a.b.example.com')).level).toBe('secure');
    expect((await policyFor('notexample.com')).level).toBe('may');
  });

  it('T1: a next hop with brackets or a port is looked up as it is', async () => {
    expect((await policyFor('[mail.example.net]:587', 'mail.example.net')).level).toBe('verify');
    expect((await policyFor('[mail.example.net]', 'mail.example.net')).level).toBe('may');
    expect((await policyFor('[example.com]', 'example.com')).level).toBe('may');
  });

  it('T1: attributes replace the settings, names are filled in', async () => {
    const policy = await policyFor('a.example.com');
    expect(policy.names).toEqual(['a.example.com', '.mx.example.com']);
    expect(policy.words).toMatchObject({ grade: 'high', versions: ['TLSv1.2', 'TLSv1.3'], exclusions: ['aNULL'] });
    expect(await policyFor('[mail.example.net]:587', 'mail.example.net')).toMatchObject({
      names: ['mx1.example.org'],
      serverName: 'mx1.example.org',
    });
    expect([...(await policyFor('pin.example')).fingerprints]).toEqual(['aabb', 'cc', 'dd']);
  });

  it('T1: where nothing is said, the settings for mandatory TLS count from encrypt on', async () => {
    const more = {
      smtp_tls_mandatory_protocols: 'TLSv1.3',
      smtp_tls_secure_cert_match: 'nexthop',
      smtp_tls_servername: 'nexthop',
    };
    expect((await policyFor('example.com', 'example.com', more)).words.versions).toEqual(['TLSv1.3']);
    expect((await policyFor('other.example', 'other.example', more)).words.versions).toEqual(['>=TLSv1']);
    const secure = await policyFor('other.example', 'other.example', { ...more, smtp_tls_security_level: 'secure' });
    expect([secure.names, secure.serverName]).toEqual([['other.example'], 'other.example']);
  });

  it.each([
    ['neither name', {}, 'encrypt'],
    ['the next hop', { 'a.example': 'MAY' }, 'may'],
    ['the host', { 'mx.a.example': 'must' }, 'verify'],
    ['NONE before MAY', { 'a.example': 'NONE', 'mx.a.example': 'MAY' }, 'none'],
    ['the stronger one', { 'a.example': 'NONE', 'mx.a.example': 'MUST_NOPEERMATCH' }, 'encrypt'],
    ['an unknown word', { 'a.example': 'maybe' }, /unknown TLS policy "maybe"/],
  ])('T1: smtp_tls_per_site has %s', async (_name, table, expected) => {
    const parameters = parametersOf({ smtp_tls_security_level: 'encrypt', smtp_tls_per_site: 'x:sites' });
    const settings = readClientTls(clientParameters('smtp', parameters), tablesOf({ 'x:sites': table }));
    const place = {
      nexthop: { host: 'a.example' } as Nexthop,
      hostName: 'MX.a.example',
      destination: '[a.example]:25',
      port: 25,
    };
    const level = await tlsPolicy(place, settings, secureResolverOf()).then(
      (policy) => policy.level,
      (fault: PolicyFault) => fault.message,
    );
    if (typeof expected === 'string') expect(level).toBe(expected);
    else expect(level).toMatch(expected);
  });

  it('T1: a table that cannot be asked is no reason to send without TLS', async () => {
    const tables = tablesOf({
      'hash:p': () => {
        throw new Error('the disk is gone');
      },
    });
    const settings = readClientTls(clientParameters('smtp', parametersOf({ smtp_tls_policy_maps: 'hash:p' })), tables);
    const place = {
      nexthop: { host: 'a.example' } as Nexthop,
      hostName: 'a.example',
      destination: 'a.example',
      port: 25,
    };
    const fault = await tlsPolicy(place, settings, secureResolverOf()).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(PolicyFault);
    expect(fault).toMatchObject({ temporary: true, message: expect.stringContaining('the disk is gone') });
  });
});

it('T1: a server that asks is shown the certificate of smtp_tls_cert_file, also after a reload', async () => {
  const [server, first, second] = await Promise.all(
    ['server', 'first', 'second'].map((name) => makeCertificate([name])),
  );
  const asking = createServer({
    cert: server?.certificate,
    key: server?.key,
    requestCert: true,
    rejectUnauthorized: false,
  });
  asking.listen(0, '127.0.0.1');
  await once(asking, 'listening');
  onTestFinished(() => void asking.close());
  const pairOf = (made = { certificate: '', key: '' }) => ({
    key: made.key,
    chain: made.certificate,
    certificate: new X509Certificate(made.certificate),
    file: 'client.pem',
  });
  const identity = { pairs: [pairOf(first)] };
  const trust = { authorities: [], anchors: [] };
  const contexts = new ClientContexts({ trust, identity, readAnchors: () => [] });
  const policy = await policyFor('example.com');
  const shown = async (): Promise<string | undefined> => {
    const { port } = asking.address() as AddressInfo;
    const accepted = once(asking, 'secureConnection');
    const socket = connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      secureContext: contexts.of(policy),
    });
    const [peer] = (await accepted) as [TLSSocket];
    const subject = peer.getPeerX509Certificate()?.subject;
    socket.destroy();
    peer.destroy();
    return subject;
  };
  expect(await shown()).toBe('CN=first');
  identity.pairs = [pairOf(second)];
  expect(await shown()).toBe('CN=second');
});

/** DANE with signed zones of a real BIND, and a second one that validates them. */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { makeCertificates } from './certificates.ts';
import { maillogOf, submit } from './conversation.ts';
import { type Named, startNamed } from './named.ts';
import { ran, until } from './program.ts';
import { openPeer, type Peer } from './scripted-peer.ts';

const folder = temporaryFolder('dane');
let authority: Named;
let validator: Named;
let server: TestServer;
let peer: Peer;

interface Zone {
  readonly tlsa: (key: string) => string;
  readonly isSigned?: false;
  /** After signing. */
  readonly spoil?: (text: string) => string;
}

const WRONG = 'ab'.repeat(32);
const ZONES: Readonly<Record<string, Zone>> = {
  'right.test': { tlsa: (key) => `3 1 1 ${key}` },
  'wrong.test': { tlsa: () => `3 1 1 ${WRONG}` },
  'none.test': { tlsa: () => '' },
  'unusable.test': { tlsa: (key) => `1 1 1 ${key}` },
  'unsigned.test': { tlsa: () => `3 1 1 ${WRONG}`, isSigned: false },
  // The signature is over another text.
  'forged.test': { tlsa: () => `3 1 1 ${WRONG}`, spoil: (text) => text.replaceAll(/ABABABAB/g, 'CDABABAB') },
};

/** Signed, with the key as a trust anchor; the text of its file. */
async function zoneFile(name: string, { tlsa, isSigned, spoil = (text) => text }: Zone, key: string, port: number) {
  const record = tlsa(key);
  const file = join(folder, name);
  writeFileSync(
    file,
    `$TTL 60\n$ORIGIN ${name}.\n@ SOA ns admin 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n@ MX 10 mail\nmail A 127.0.0.1\n${record === '' ? '' : `_${port}._tcp.mail TLSA ${record}\n`}`,
  );
  if (isSigned === false) return { text: readFileSync(file, 'utf8'), anchor: '' };
  await ran('dnssec-keygen', ['-K', folder, '-a', 'ECDSAP256SHA256', '-f', 'KSK', name]);
  await ran('dnssec-signzone', ['-S', '-z', '-K', folder, '-o', name, file], { cwd: folder });
  const text = spoil(readFileSync(`${file}.signed`, 'utf8'));
  const [, flags, protocol, algorithm, octets = ''] =
    /DNSKEY\s+(257)\s+(\d+)\s+(\d+)\s+\(\s*([^)]*?)\)/.exec(readFileSync(`${file}.signed`, 'utf8')) ?? [];
  const anchor = `"${name}." static-key ${flags} ${protocol} ${algorithm} "${octets.replace(/\s+|;.*$/gm, '')}";`;
  return { text, anchor };
}

beforeAll(async () => {
  const made = await makeCertificates({ own: { host: 'elsewhere.example', selfSigned: true } });
  const key = createHash('sha256')
    .update(new X509Certificate(made['own.pem'] ?? '').publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  peer = await openPeer(
    {
      EHLO: ['250-peer.example\r\n250-STARTTLS\r\n250 8BITMIME\r\n', '250-peer.example\r\n250 8BITMIME\r\n'],
      STARTTLS: { say: '220 2.0.0 go\r\n', next: 'tls' },
    },
    { key: made['own.key'] ?? '', cert: made['own.pem'] ?? '' },
  );
  const zones = await Promise.all(
    Object.entries(ZONES).map(async ([name, zone]) => ({ name, ...(await zoneFile(name, zone, key, peer.port)) })),
  );
  authority = await startNamed({
    files: Object.fromEntries(zones.map(({ name, text }) => [`${name}.zone`, text])),
    zones: zones.map(({ name }) => `zone "${name}" { type primary; file "${name}.zone"; };`).join('\n'),
  });
  const portOffset = await freeOffset();
  validator = await startNamed({
    files: {},
    recursive: true,
    zones: `trust-anchors { ${zones.map(({ anchor }) => anchor).join(' ')} };\n${zones
      .map(
        ({ name }) =>
          `zone "${name}" { type forward; forward only; forwarders { 127.0.0.1 port ${authority.port}; }; };`,
      )
      .join('\n')}`,
  });
  server = await startServer({
    portOffset,
    files: {
      'main.cf': [
        'compatibility_level = 3.6',
        'myhostname = mail.src.example',
        'mydestination =',
        'inet_interfaces = 127.0.0.1',
        'inet_protocols = ipv4',
        'mynetworks = 127.0.0.0/8',
        'smtp_dns_support_level = dnssec',
        'smtp_tls_security_level = dane',
        'smtp_tls_policy_maps = inline:{ only.test=dane-only, none.test=dane }',
        'smtp_tls_loglevel = 1',
        `transport_maps = inline:{ ${Object.keys(ZONES)
          .map((name) => `{ ${name} = smtp:${name}:${peer.port} }`)
          .join(', ')} }`,
        '',
      ].join('\n'),
      'resolv.conf': `nameserver 127.0.0.1:${validator.port}\n`,
    },
  });
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await peer?.close();
  await validator?.stop();
  await authority?.stop();
  removeFolder(folder);
});

const log = (): string => maillogOf(server).join('\n');

it.each([
  ['right.test', /status=sent/, 'Verified'],
  ['wrong.test', /dsn=4\.7\.5, .*status=deferred \(Server certificate not verified\)/, 'Untrusted'],
  ['none.test', /status=sent/, 'Untrusted'],
  ['unusable.test', /status=sent/, 'Untrusted'],
  ['unsigned.test', /status=sent/, 'Untrusted'],
  ['forged.test', /dsn=4\.7\.5, .*status=deferred \(TLSA lookup error for mail\.forged\.test:\d+\)/, ''],
])('T1: mail for %s', async (domain, status, trust) => {
  const before = log().length;
  await submit(server.port(25), domain);
  await until(`an attempt for ${domain}`, async () => log().includes(`to=<b@${domain}>`), 60_000);
  const line = log()
    .split('\n')
    .find((one) => one.includes(`to=<b@${domain}>`));
  expect(line).toMatch(status);
  const said = /(\w+) TLS connection established/.exec(log().slice(before))?.[1] ?? '';
  expect(said).toBe(trust);
});

/**
 * smtp_tls_policy_maps and the levels of TLS: a real Postfix and ours send a message to servers with different
 * certificates. Delivered, deferred or refused is the same, with the same words, and so is the trust that is logged.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { jsonLines } from '../kit/json-lines.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { submit } from './conversation.ts';
import { startInteropHouse } from './house.ts';
import { startPostfix } from './postfix.ts';
import { until } from './program.ts';
import { type Certificate, openPeer, type Peer } from './scripted-peer.ts';

type Kind = 'ours' | 'self' | 'wild' | 'old' | 'none';

interface Case {
  readonly peer: Kind;
  /** The entry of smtp_tls_policy_maps; undefined for none. `CERT`, `KEY` and `CA` are filled in. */
  readonly policy?: string;
  /** The host of the next hop (127.0.0.1). */
  readonly host?: string;
}

const CASES: readonly Case[] = [
  { peer: 'ours' },
  { peer: 'self' },
  { peer: 'none' },
  { peer: 'ours', policy: 'none' },
  { peer: 'ours', policy: 'may' },
  { peer: 'self', policy: 'may' },
  { peer: 'none', policy: 'may' },
  { peer: 'ours', policy: 'ENCRYPT' },
  { peer: 'self', policy: 'encrypt' },
  { peer: 'none', policy: 'encrypt' },
  { peer: 'old', policy: 'encrypt protocols=TLSv1.3' },
  { peer: 'old', policy: 'encrypt protocols=TLSv1.2:TLSv1.3' },
  { peer: 'old', policy: 'encrypt protocols=!SSLv2:!SSLv3' },
  { peer: 'old', policy: 'encrypt ciphers=high exclude=AESGCM:CHACHA20:ARIA:CAMELLIA:AESCCM' },
  { peer: 'old', policy: 'encrypt exclude=ALL' },
  { peer: 'ours', policy: 'verify', host: 'localhost' },
  { peer: 'self', policy: 'verify', host: 'localhost' },
  { peer: 'wild', policy: 'verify', host: 'localhost' },
  { peer: 'ours', policy: 'verify match=hostname:other.test', host: 'localhost' },
  { peer: 'ours', policy: 'verify match=other.test' },
  { peer: 'ours', policy: 'verify match=localhost' },
  { peer: 'self', policy: 'verify match=localhost' },
  { peer: 'none', policy: 'verify' },
  { peer: 'ours', policy: 'secure', host: 'localhost' },
  { peer: 'ours', policy: 'secure match=nexthop', host: 'localhost' },
  { peer: 'wild', policy: 'secure match=a.wild.test' },
  { peer: 'wild', policy: 'secure match=a.b.wild.test' },
  { peer: 'wild', policy: 'secure match=.wild.test' },
  { peer: 'wild', policy: 'secure match=wild.test' },
  { peer: 'wild', policy: 'secure match=.test' },
  { peer: 'self', policy: 'secure match=localhost tafile=SELF' },
  { peer: 'ours', policy: 'secure match=localhost tafile=SELF' },
  { peer: 'self', policy: 'fingerprint match=CERT' },
  { peer: 'self', policy: 'fingerprint match=00:11|KEY' },
  { peer: 'ours', policy: 'fingerprint match=CERT' },
  { peer: 'self', policy: 'fingerprint' },
  { peer: 'ours', policy: 'bogus' },
  { peer: 'ours', policy: 'may match=foo' },
  { peer: 'ours', policy: 'encrypt tafile=CA' },
  { peer: 'ours', policy: 'encrypt foo=bar' },
  { peer: 'ours', policy: 'encrypt protocols=TLSv9' },
  { peer: 'ours', policy: 'encrypt ciphers=bogus' },
  { peer: 'ours', policy: 'encrypt match' },
  { peer: 'none', policy: 'none foo=bar' },
];
const nameOf = ({ peer, policy, host }: Case): string =>
  `${policy ?? '(no entry)'} to ${peer}${host ? ` at ${host}` : ''}`;

const EHLO = ['250-peer.example\r\n250-STARTTLS\r\n250 8BITMIME\r\n', '250-peer.example\r\n250 8BITMIME\r\n'];

interface Seen {
  readonly status: readonly string[];
  readonly trust: readonly string[];
  readonly commands: readonly string[];
}

const folder = temporaryFolder('tls-policies');
let made: Certificates;

function filled(policy: string): string {
  const self = new X509Certificate(made['self.pem'] ?? '');
  const key = createHash('sha256')
    .update(self.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  return policy
    .replace('CERT', self.fingerprint256)
    .replace('KEY', key.replace(/..(?=.)/g, '$&:'))
    .replace('=SELF', `=${join(folder, 'self.pem')}`)
    .replace('=CA', `=${join(folder, 'ca.pem')}`);
}

const identityOf = (kind: Kind): Certificate & Pick<SecureContextOptions, 'maxVersion'> => {
  const name = kind === 'self' || kind === 'wild' ? kind : 'ours';
  const pair = { key: made[`${name}.key`] ?? '', cert: made[`${name}.pem`] ?? '' };
  return kind === 'old' ? { ...pair, maxVersion: 'TLSv1.2' } : pair;
};

const open = (kind: Kind): Promise<Peer> =>
  openPeer(kind === 'none' ? {} : { EHLO, STARTTLS: { say: '220 2.0.0 go\r\n', next: 'tls' } }, identityOf(kind));

/** Without what differs by nature. */
function look(log: string, domain: string, { port, sessions }: Peer): Seen {
  const status = [...log.matchAll(new RegExp(`to=<b@${domain}>, relay=(\\S+), .*?dsn=(\\S+), status=(.*)`, 'g'))].map(
    ([, relay = '', dsn, words = '']) => `${relay} ${dsn} ${words}`.replaceAll(`:${port}`, '').trim(),
  );
  const trust = [
    ...log.matchAll(
      new RegExp(`(\\w+) TLS connection established to \\S+:${port}: (\\S+) with cipher (\\S+ \\S+ bits\\))`, 'g'),
    ),
  ].map(([, word, version, cipher]) => `${word} ${version} ${cipher}`);
  return {
    status,
    trust,
    commands: sessions
      .flatMap(({ commands }) => commands)
      .filter((line) => /^(EHLO|STARTTLS|MAIL)/.test(line))
      .map((line) => line.replace(/ SIZE=\d+/, '')),
  };
}

describe('T1: levels of TLS of our SMTP client and of that of Postfix', () => {
  const seen = new Map<string, { ours: Seen; theirs: Seen }>();
  const closers: (() => unknown)[] = [];

  beforeAll(async () => {
    made = await makeCertificates({
      ours: { host: 'localhost' },
      self: { host: 'localhost', selfSigned: true },
      wild: { host: '*.wild.test' },
    });
    for (const [name, pem] of Object.entries(made)) writeFileSync(join(folder, name), pem);
    // Postfix reads a tafile as the user postfix.
    chmodSync(folder, 0o755);
    const runs = await Promise.all(
      CASES.map(async (one, i) => ({
        one,
        domain: `c${i}.example`,
        peers: { ours: await open(one.peer), theirs: await open(one.peer) },
      })),
    );
    for (const { peers } of runs)
      closers.push(
        () => peers.ours.close(),
        () => peers.theirs.close(),
      );
    const files = (who: 'ours' | 'theirs'): Record<string, string> => {
      const hop = ({ one, peers }: (typeof runs)[number]): string => `[${one.host ?? '127.0.0.1'}]:${peers[who].port}`;
      return {
        transport: runs.map((run) => `${run.domain} smtp:${hop(run)}\n`).join(''),
        policies: runs
          .flatMap((run) => (run.one.policy === undefined ? [] : [`${hop(run)} ${filled(run.one.policy)}\n`]))
          .join(''),
      };
    };
    const main = [
      'myhostname = client.example',
      'mynetworks = 127.0.0.0/8',
      'transport_maps = texthash:$config_directory/transport',
      'smtp_tls_policy_maps = texthash:$config_directory/policies',
      'smtp_tls_security_level = may',
      `smtp_tls_CAfile = ${join(folder, 'ca.pem')}`,
      'smtp_tls_fingerprint_digest = sha256',
      'smtp_tls_loglevel = 1',
      'smtp_connection_cache_on_demand = no',
      'default_destination_concurrency_limit = 100',
      'notify_classes =',
    ];
    const theirs = await startPostfix({
      main,
      prepare: async (config) => {
        for (const [name, text] of Object.entries(files('theirs'))) writeFileSync(join(config, name), text);
      },
    });
    closers.push(() => theirs.stop());
    const ours = await startInteropHouse({ main: [...main, 'mydestination ='], files: files('ours'), names: [] });
    closers.push(() => ours.stop());
    const said = {
      theirs: () => theirs.said(),
      ours: () =>
        jsonLines<{ readonly msg?: unknown }>(join(ours.folders.data, 'log', 'mail.jsonl'))
          .map(({ msg }) => String(msg))
          .join('\n'),
    };
    const ports = { theirs: theirs.port, ours: ours.port(25) };
    for (const who of ['theirs', 'ours'] as const) {
      for (const { domain } of runs) await submit(ports[who], domain);
      await until(
        `${who} to try all`,
        async () => (said[who]().match(/to=<b@c\d+\.example>.*status=/g)?.length ?? 0) >= runs.length,
        40_000,
      ).catch(() => {});
    }
    for (const { one, domain, peers } of runs)
      seen.set(nameOf(one), {
        ours: look(said.ours(), domain, peers.ours),
        theirs: look(said.theirs(), domain, peers.theirs),
      });
  });
  afterAll(async () => {
    await Promise.all(closers.map((close) => close()));
    removeFolder(folder);
  });

  it.each(CASES.map(nameOf))('%s', (name) => {
    const { ours, theirs } = seen.get(name) ?? {};
    expect(theirs?.status).toHaveLength(1);
    expect(ours).toEqual(theirs);
  });
});

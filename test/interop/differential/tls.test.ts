/**
 * TLS of smtpd under the same main.cf and `-o`, shaken by OpenSSL's own client: which version and cipher are agreed or
 * refused, which certificate is shown for which name, what a client certificate is worth, and what is logged of it.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { openLoopback } from '../../kit/loopback.ts';
import { type Certificates, makeCertificates } from '../certificates.ts';
import { run, until } from '../program.ts';
import { type Sides, startSides } from './sides.ts';

let sides: Sides;
let made: Certificates;
const folder = temporaryFolder('client-certificates');
const file = (name: string): string => join(folder, name);

const OLD = ['-cipher', 'ALL:@SECLEVEL=0'];
const by = (name: string): string[] => ['-cert', file(`${name}.pem`), '-key', file(`${name}.key`)];

const fingerprint = (name: string): string => new X509Certificate(made[`${name}.pem`] ?? '').fingerprint256;
const keyFingerprint = (name: string): string =>
  createHash('sha256')
    .update(new X509Certificate(made[`${name}.pem`] ?? '').publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .toUpperCase()
    .replace(/..(?=.)/g, '$&:');

/** `wrapper`: TLS from the first octet. */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  strict: [
    'smtpd_tls_protocols = >=TLSv1.2',
    'smtpd_tls_ciphers = high',
    'smtpd_tls_exclude_ciphers = aNULL, SHA1, kRSA',
  ],
  encrypt: ['smtpd_tls_security_level = encrypt', 'smtpd_tls_mandatory_protocols = TLSv1.3'],
  hole: ['smtpd_tls_protocols = TLSv1.1, TLSv1.2'],
  server: [
    'tls_preempt_cipherlist = yes',
    'tls_medium_cipherlist = ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384',
  ],
  curves: ['tls_eecdh_auto_curves = secp384r1'],
  mandatory: [
    'smtpd_tls_security_level = encrypt',
    'smtpd_tls_mandatory_ciphers = high',
    'smtpd_tls_mandatory_exclude_ciphers = AESGCM',
  ],
  wrapper: ['smtpd_tls_wrappermode = yes', 'smtpd_tls_protocols = TLSv1.3', 'smtpd_tls_mandatory_protocols = TLSv1.2'],
  ask: ['smtpd_tls_ask_ccert = yes'],
  legacy: ['smtpd_tls_ask_ccert = yes', 'tls_legacy_public_key_fingerprints = yes'],
  required: ['smtpd_tls_security_level = encrypt', 'smtpd_tls_req_ccert = yes'],
  wrapped: ['smtpd_tls_wrappermode = yes', 'smtpd_tls_security_level = encrypt', 'smtpd_tls_req_ccert = yes'],
  listed: ['smtpd_tls_ask_ccert = yes', 'smtpd_relay_restrictions = permit_tls_clientcerts, reject_unauth_destination'],
  checked: [
    'smtpd_tls_ask_ccert = yes',
    'smtpd_relay_restrictions = check_ccert_access texthash:$config_directory/access, permit_tls_all_clientcerts, reject_unauth_destination',
  ],
};
const WRAPPED = new Set(['wrapper', 'wrapped']);

/** Service, options of s_client. */
const SHAKES: readonly (readonly [string, readonly string[]])[] = [
  ['plain', ['-tls1', ...OLD]],
  ['plain', ['-tls1_1', ...OLD]],
  ['plain', ['-tls1_2']],
  ['plain', ['-tls1_3']],
  ['plain', ['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256']],
  ['plain', ['-tls1_2', '-cipher', 'DHE-RSA-AES128-GCM-SHA256']],
  ['plain', ['-tls1_2', '-cipher', 'AES128-SHA']],
  ['plain', ['-tls1_2', '-cipher', 'ADH-AES256-GCM-SHA384:@SECLEVEL=0']],
  ['plain', ['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384']],
  ['plain', ['-tls1_3', '-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256']],
  ['plain', ['-tls1_3', '-groups', 'X448']],
  ['plain', ['-servername', 'named.test']],
  ['plain', ['-servername', 'NAMED.test']],
  ['plain', ['-servername', 'any.below.test']],
  ['plain', ['-servername', 'deep.er.below.test']],
  ['plain', ['-servername', 'below.test']],
  ['plain', ['-servername', 'unknown.test']],
  ['strict', ['-tls1_1', ...OLD]],
  ['strict', ['-tls1_2']],
  ['strict', ['-tls1_2', '-cipher', 'AES128-SHA']],
  ['strict', ['-tls1_2', '-cipher', 'AES128-GCM-SHA256']],
  ['strict', ['-tls1_2', '-cipher', 'ECDHE-RSA-AES256-SHA']],
  ['encrypt', ['-tls1_2']],
  ['encrypt', ['-tls1_3']],
  ['hole', ['-tls1', ...OLD]],
  ['hole', ['-tls1_1', ...OLD]],
  ['hole', []],
  ['hole', ['-tls1_3']],
  ['server', ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256']],
  ['server', ['-tls1_2', '-cipher', 'ECDHE-RSA-AES256-GCM-SHA384']],
  ['curves', ['-groups', 'X25519:P-384']],
  ['curves', ['-groups', 'X25519']],
  ['mandatory', ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384']],
  ['mandatory', ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-SHA']],
  ['wrapper', ['-tls1_2']],
  ['wrapper', ['-tls1_3']],
];

const DIALOG = 'EHLO client.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<b@elsewhere.test>\r\nQUIT\r\n';
/**
 * Service, client certificate or none. Not `wrapped` without a good one: Postfix hangs up there, and whether its 421
 * arrives depends on what the client has sent by then.
 */
const DIALOGS: readonly (readonly [string, string | null])[] = [
  ...['ask', 'required', 'listed', 'checked'].flatMap((service) =>
    [null, 'trusted', 'selfsigned'].map((name) => [service, name] as const),
  ),
  ['wrapped', 'trusted'],
  ['legacy', 'trusted'],
];

/** Asked by both; what it was told of TLS, by the port of the service. */
const told = new Map<string, string[]>();
let policy: Awaited<ReturnType<typeof openLoopback>>;
function openPolicyService(): ReturnType<typeof openLoopback> {
  return openLoopback((socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (piece: Buffer) => {
      text += piece.toString();
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const port = lines.find((line) => line.startsWith('server_port='))?.slice('server_port='.length) ?? '';
        told.set(port, lines.filter((line) => /^(?:ccert|encryption)_/.test(line)).sort());
        socket.write('action=DUNNO\n\n');
      }
    });
  });
}

beforeAll(async () => {
  policy = await openPolicyService();
  made = await makeCertificates({
    rsa: { host: 'mail.ours.test', rsa: true },
    ec: { host: 'mail.ours.test' },
    named: { host: 'named.test' },
    below: { host: '*.below.test' },
    trusted: { host: 'client.test' },
    selfsigned: { host: 'stranger.test', selfSigned: true },
  });
  for (const [name, pem] of Object.entries(made)) writeFileSync(file(name), pem);
  const sni = ['named.test', '.below.test']
    .map(
      (key) =>
        `${key} ${['key', 'pem'].map((ending) => file(`${key.split('.')[key.startsWith('.') ? 1 : 0]}.${ending}`)).join(' ')}`,
    )
    .join('\n');
  sides = await startSides({
    name: 'TLS',
    main: [
      'mynetworks = 10.0.0.0/8',
      'smtpd_tls_security_level = may',
      'smtpd_tls_chain_files = $config_directory/rsa.key, $config_directory/rsa.pem, $config_directory/ec.key $config_directory/ec.pem',
      'smtpd_tls_CAfile = $config_directory/ca.pem',
      'smtpd_tls_fingerprint_digest = sha256',
      'smtpd_tls_loglevel = 1',
      'relay_clientcerts = texthash:$config_directory/clients',
      `smtpd_client_restrictions = check_policy_service inet:127.0.0.1:${policy.port}`,
      'smtpd_delay_reject = yes',
      'smtpd_recipient_restrictions = permit_mynetworks',
      'tls_server_sni_maps = hash:$config_directory/sni',
    ],
    files: {
      ...made,
      sni: `${sni}\n`,
      clients: `${keyFingerprint('trusted')} of the key\n`,
      access: `${fingerprint('selfsigned')} 554 not you\n`,
    },
    services: SERVICES,
    indexes: { sni: ['-F'] },
  });
});
afterAll(async () => {
  await policy?.close();
  await sides?.stop();
  removeFolder(folder);
});

function client(service: string, port: number, options: readonly string[]): string[] {
  const starttls = WRAPPED.has(service) ? [] : ['-starttls', 'smtp'];
  return ['s_client', '-connect', `127.0.0.1:${port}`, ...starttls, '-crlf', ...options];
}

/** `TLSv1.2 ECDHE-… CN=mail.ours.test X25519`, or `refused`. */
async function shake(service: string, port: number, options: readonly string[]): Promise<string> {
  const { out } = await run('openssl', client(service, port, options), { input: 'QUIT\n', timeoutMs: 20_000 });
  const [, version, cipher] = /^New, (\S+), Cipher is (\S+)$/m.exec(out) ?? [];
  if (cipher === undefined || cipher === '(NONE)') return 'refused';
  const protocol = /^ *Protocol *: (\S+)$/m.exec(out)?.[1] ?? version;
  const subject = /^subject=(.*)$/m.exec(out)?.[1] ?? '';
  const key = /^Server Temp Key: ([^,\n]*, [^,\n]*)/m.exec(out)?.[1] ?? '';
  return `${protocol} ${cipher} ${subject} ${key}`;
}

async function converse(service: string, port: number, name: string | null): Promise<string[]> {
  const options = name === null ? [] : by(name);
  const { out } = await run('openssl', client(service, port, ['-quiet', ...options]), {
    input: DIALOG,
    timeoutMs: 20_000,
  });
  return out.split('\r\n').filter((line) => /^[245]\d\d /.test(line));
}

describe('T1: TLS of smtpd as in Postfix', () => {
  it.each([...new Set(SHAKES.map(([service]) => service))])('%s: versions, ciphers, certificates', async (service) => {
    const ports = sides.ports(service);
    const both = async (side: 'ours' | 'theirs'): Promise<Record<string, string>> => {
      const seen: Record<string, string> = {};
      for (const [, options] of SHAKES.filter(([name]) => name === service))
        seen[options.join(' ')] = await shake(service, ports[side], options);
      return seen;
    };
    const [ours, theirs] = await Promise.all([both('ours'), both('theirs')]);
    expect(ours).toEqual(theirs);
  });

  it.each(DIALOGS)('%s: a client with the certificate %s', async (service, name) => {
    const ports = sides.ports(service);
    const [ours, theirs] = await Promise.all([
      converse(service, ports.ours, name),
      converse(service, ports.theirs, name),
    ]);
    expect(ours).toEqual(theirs);
    expect(told.get(String(ports.ours))).toEqual(told.get(String(ports.theirs)));
  });

  it('the log has the same lines, as far as Node knows what was agreed', async () => {
    const lines = (log: string): string[] =>
      [
        ...log.matchAll(
          /(?:\w+ TLS connection established from .*? bits\)|NOQUEUE: abort: .*|certificate verification failed .*)/g,
        ),
      ]
        .map(([line]) => line.trim())
        .sort();
    let [ours, theirs]: readonly string[][] = [];
    // The last lines come after their connections have ended.
    await until('both to have logged', async () => {
      const logs = sides.logs();
      [ours, theirs] = [lines(logs.ours), lines(logs.theirs)];
      return isDeepStrictEqual(ours, theirs);
    }).catch(() => {});
    expect(ours).toEqual(theirs);
  });
});

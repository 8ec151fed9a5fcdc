/**
 * TLS of a whole server, over sockets: terms of single services, certificates by name, client certificates and what they
 * permit, and what a reload does with all of it.
 */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeCertificate } from '../../src/net/certificate.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';

const MAIN = [
  'compatibility_level = 3.6',
  'myhostname = mail.example.test',
  'inet_interfaces = 127.0.0.1',
  'inet_protocols = ipv4',
  'mynetworks = 10.0.0.0/8',
  'relayhost = [127.0.0.1]:9',
  'smtpd_peername_lookup = no',
  'smtpd_tls_loglevel = 1',
  'smtpd_tls_received_header = yes',
  'tls_server_sni_maps = texthash:$config_directory/sni',
  'relay_clientcerts = texthash:$config_directory/clients',
  'smtpd_tls_CAfile = $config_directory/friend.pem',
  '',
].join('\n');
const MASTER = `smtps inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_mandatory_protocols=TLSv1.3
1525 inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_ask_ccert=yes
  -o { smtpd_relay_restrictions = permit_tls_clientcerts, reject_unauth_destination }
1526 inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_req_ccert=yes
1527 inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_mandatory_protocols=<=TLSv1.1
`;
const DOVECOT = 'protocols = imap\nssl_min_protocol = TLSv1.3\n';

let offset: number;
let server: TestServer;
const pems: Record<string, { readonly certificate: string; readonly key: string }> = {};
const at = (name: string): string => join(server.folders.config, name);
const reload = () => finish(['reload', '--data', server.folders.data, '--config', server.folders.config]);
const by = (name: string): ConnectionOptions => {
  const { certificate: cert = '', key = '' } = pems[name] ?? {};
  return { cert, key };
};

async function shake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: port + offset, rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

async function shown(port: number, servername?: string): Promise<string | undefined> {
  const socket = await shake(port, servername === undefined ? {} : { servername });
  const subject = socket.getPeerX509Certificate()?.subject;
  socket.destroy();
  return subject;
}

/** All replies to commands that are sent at once after the greeting. */
async function converse(port: number, options: ConnectionOptions): Promise<string> {
  const socket = await shake(port, options);
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => {
    if (text === '' && piece.startsWith('220'))
      socket.write('EHLO c\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<b@elsewhere.test>\r\nQUIT\r\n');
    text += piece;
  });
  await once(socket, 'close');
  return text;
}

beforeAll(async () => {
  offset = await freeOffset();
  for (const name of ['friend', 'stranger', 'listed', 'named.test', 'below.test'])
    pems[name] = await makeCertificate([name]);
  const files = Object.fromEntries(
    Object.entries(pems).flatMap(([name, { certificate, key }]) => [
      [`${name}.pem`, certificate],
      [`${name}.key`, key],
    ]),
  );
  server = await startServer({
    portOffset: offset,
    files: {
      'main.cf': MAIN,
      'master.cf': MASTER,
      'dovecot.conf': DOVECOT,
      ...files,
      sni: `named.test /etc/postfix/named.test.key /etc/postfix/named.test.pem
.below.test /etc/postfix/below.test.key, /etc/postfix/below.test.pem
`,
      clients: `${new X509Certificate(pems['listed']?.certificate ?? '').fingerprint256} one of ours\n`,
    },
  });
});
afterAll(() => server.stop());

describe('T1: TLS of a server', () => {
  it('T1: each service has its own versions, IMAP those of dovecot.conf', async () => {
    const versions = async (port: number): Promise<string[]> => {
      const all = (['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const).map((version) =>
        shake(port, {
          minVersion: version,
          maxVersion: version,
          ciphers: version === 'TLSv1.3' ? 'TLS_AES_128_GCM_SHA256' : 'ALL:@SECLEVEL=0',
        }).then(
          (socket) => [socket.destroy().getProtocol() ?? version],
          () => [],
        ),
      );
      return (await Promise.all(all)).flat();
    };
    expect(await versions(465)).toEqual(['TLSv1.3']);
    expect(await versions(1525)).toEqual(['TLSv1.1', 'TLSv1.2', 'TLSv1.3']);
    expect(await versions(1527)).toEqual(['TLSv1.1']);
    expect(await versions(993)).toEqual(['TLSv1.3']);
  });

  it('T1: tls_server_sni_maps choose the certificate, and a reload does not lose one', async () => {
    expect(await shown(465, 'named.test')).toBe('CN=named.test');
    expect(await shown(465, 'a.b.below.test')).toBe('CN=below.test');
    expect(await shown(465, 'below.test')).toBe('CN=mail.example.test');
    expect(await shown(465)).toBe('CN=mail.example.test');
    const { certificate = '' } = pems['named.test'] ?? {};
    writeFileSync(at('named.test.pem'), 'nothing');
    const refused = await reload();
    expect(refused.code).not.toBe(0);
    expect(refused.err).toMatch(
      /main\.cf:\d+: tls_server_sni_maps: texthash:\S*sni: named\.test: .*no certificate follows this key/,
    );
    expect(await shown(465, 'named.test')).toBe('CN=named.test');
    writeFileSync(at('named.test.pem'), certificate);
    expect((await reload()).code).toBe(0);
    expect(await shown(465, 'NAMED.test')).toBe('CN=named.test');
  });

  it('T1: a client certificate permits what the lists say, and no more', async () => {
    expect(await converse(1525, by('listed'))).toMatch(/\r\n250 2\.1\.5 Ok/);
    expect(await converse(1525, by('friend'))).toMatch(/\r\n554 5\.7\.1 <b@elsewhere\.test>: Relay access denied/);
    expect(await converse(1525, {})).toMatch(/\r\n554 5\.7\.1/);
    // The log is written a moment later.
    await vi.waitFor(async () => {
      const log = await server.command(['log', '-n', '200']);
      expect(log).toMatch(/Trusted TLS connection established from .*\[127\.0\.0\.1\]: TLSv1\.3/);
      expect(log).toMatch(/Untrusted TLS connection established from/);
    }, 10_000);
  });

  it('T1: where a certificate is required, only a trusted one is heard', async () => {
    expect(await converse(1526, by('friend'))).toMatch(/^220 /);
    expect(await converse(1526, by('stranger'))).toBe(
      '421 4.7.1 mail.example.test Error: Client certificate not trusted\r\n',
    );
    expect(await converse(1526, {})).toBe('421 4.7.1 mail.example.test Error: No client certificate presented\r\n');
  });

  it('T1: a reload changes the terms of a port that stays open', async () => {
    writeFileSync(at('dovecot.conf'), DOVECOT.replace('1.3', '1.2'));
    expect((await reload()).code).toBe(0);
    const socket = await shake(993, { maxVersion: 'TLSv1.2' });
    expect(socket.getProtocol()).toBe('TLSv1.2');
    socket.destroy();
  });
});

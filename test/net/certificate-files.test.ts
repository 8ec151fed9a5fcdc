import { writeFileSync } from 'node:fs';
import { type Socket, connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CertificateSource } from '../../src/net/certificate-files.ts';
import { readKeyPairs } from '../../src/net/certificate-files.ts';
import { type Listener, listen } from '../../src/net/listener.ts';
import { TlsIdentity } from '../../src/net/tls.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

const folder = temporaryFolder('chain');
const path = (name: string): string => join(folder, name);
const open: { close(): unknown }[] = [];
afterAll(async () => {
  for (const resource of open.toReversed()) await resource.close();
  removeFolder(folder);
});

const pem = { rsa: { cert: '', key: '' }, ec: { cert: '', key: '' } };
beforeAll(async () => {
  const make = async (kind: 'rsa' | 'ec'): Promise<{ cert: string; key: string }> => {
    const made = await generate([{ name: 'commonName', value: `${kind}.example` }], {
      keyType: kind,
      algorithm: 'sha256',
    });
    return { cert: made.cert, key: made.private };
  };
  pem.rsa = await make('rsa');
  pem.ec = await make('ec');
  for (const kind of ['rsa', 'ec'] as const) {
    writeFileSync(path(`${kind}.crt`), pem[kind].cert);
    writeFileSync(path(`${kind}.key`), pem[kind].key);
  }
  writeFileSync(
    path('all.pem'),
    ['a remark\n', pem.rsa.key, pem.rsa.cert, pem.ec.cert, pem.ec.key, pem.ec.cert].join('\n'),
  );
  writeFileSync(path('empty.pem'), 'nothing\n');
});

const subjects = async (source: CertificateSource): Promise<string[]> =>
  (await readKeyPairs(source)).map(({ certificate }) => certificate.subject);

describe('T1: certificate files', () => {
  it('a chain of files is read as one: each key with the certificates that follow it', async () => {
    expect(await subjects({ chainFiles: [path('rsa.key'), path('rsa.crt')] })).toEqual(['CN=rsa.example']);
    expect(await subjects({ chainFiles: [path('rsa.key'), path('rsa.crt'), path('ec.key'), path('ec.crt')] })).toEqual([
      'CN=rsa.example',
      'CN=ec.example',
    ]);
    const [rsa, ec] = await readKeyPairs({ chainFiles: [path('all.pem')] });
    expect(rsa?.chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(ec?.chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
  });

  it.each([
    ['a certificate first', ['rsa.crt', 'rsa.key'], 'rsa.crt: starts with a certificate'],
    ['a key without a certificate', ['rsa.key', 'ec.key', 'ec.crt'], 'rsa.key: no certificate follows this key'],
    [
      'the key of another certificate',
      ['rsa.key', 'ec.crt'],
      'rsa.key: this key does not belong to the certificate in',
    ],
    ['nothing', ['empty.pem'], 'empty.pem: contains neither a PEM key nor a PEM certificate'],
    ['a missing file', ['none.pem'], 'none.pem: the TLS chain file cannot be read (ENOENT)'],
  ])('a chain with %s is refused, with the name of the file', async (_, names, message) => {
    await expect(readKeyPairs({ chainFiles: names.map(path) })).rejects.toThrow(message);
  });

  it.each<[string, () => CertificateSource]>([
    [
      'a pair of files for each',
      () => ({
        alternatives: (['rsa', 'ec'] as const).map((kind) => ({
          certFile: path(`${kind}.crt`),
          keyFile: path(`${kind}.key`),
        })),
      }),
    ],
    ['a chain', () => ({ chainFiles: [path('all.pem')] })],
  ])(
    'RSA and ECDSA certificates configured as %s are both served: each client gets the one that it supports',
    async (_, source) => {
      const listener = await serve(await TlsIdentity.load([source()]));
      // Nearly every client sends a host name; any name works, also one that only one of the two certificates has.
      for (const name of [undefined, 'mail.example', 'rsa.example', 'ec.example']) {
        expect(await shown(listener, 'ECDHE-RSA-AES128-GCM-SHA256', name)).toBe('rsa.example');
        expect(await shown(listener, 'ECDHE-ECDSA-AES128-GCM-SHA256', name)).toBe('ec.example');
      }
    },
  );
});

async function serve(identity: TlsIdentity): Promise<Listener> {
  const listener = await listen({
    name: 'test',
    address: '127.0.0.1',
    port: 0,
    tls: { mode: 'implicit', identity },
    maxConnections: 10,
    maxPerIp: 0,
    busyReply: '',
    onConnection: (socket: Socket) => void socket.resume(),
    onRefused: () => {},
  });
  open.push(listener);
  return listener;
}

/**
 * The common name of the certificate that a TLS 1.2 client with one cipher suite gets, with or without a host name
 * (SNI).
 */
function shown({ port }: Listener, ciphers: string, servername?: string): Promise<string | undefined> {
  const named = servername === undefined ? {} : { servername };
  return new Promise((resolve, reject) => {
    const client = connect(
      { socket: tcpConnect(port, '127.0.0.1'), ciphers, maxVersion: 'TLSv1.2', rejectUnauthorized: false, ...named },
      () => {
        const name: unknown = client.getPeerCertificate().subject.CN;
        client.destroy();
        resolve(typeof name === 'string' ? name : undefined);
      },
    );
    client.once('error', reject);
  });
}

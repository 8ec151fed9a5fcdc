import { once } from 'node:events';
import { copyFile, stat } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { ensureCertificate, makeCertificate } from '../../src/net/certificate.ts';
import { type Listener, type ListenOptions, listen } from '../../src/net/listener.ts';
import { limitKey, plainIp } from '../../src/net/peer-address.ts';
import { describeTls, TlsIdentity } from '../../src/net/tls.ts';
import { temporaryFiles, temporaryIdentity } from '../kit/identity.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(options: Partial<ListenOptions> & Pick<ListenOptions, 'onConnection'>): Promise<Listener> {
  const listener = await listen({
    name: 'pop3',
    address: '127.0.0.1',
    port: 0,
    tls: { mode: 'none' },
    maxConnections: 100,
    maxPerIp: 0,
    ...options,
  });
  closers.push(() => listener.close());
  return listener;
}

function dial(listener: Listener): Socket {
  const socket = connectTcp({ host: '127.0.0.1', port: listener.port });
  socket.on('error', () => {});
  closers.push(() => socket.destroy());
  return socket;
}

async function shake(listener: Listener, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false, ...options });
  closers.push(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

/** Keeps the connection so that the test can end it. */
const keep = (socket: Socket): void => {
  closers.push(() => socket.destroy());
};

describe('the limits', () => {
  it('refuse one connection too many with a message, and accept the next when one has ended', async () => {
    const accepted: Socket[] = [];
    const refused: string[] = [];
    const listener = await open({
      maxPerIp: 1,
      busyReply: '-ERR Too many connections.\r\n',
      onConnection: (socket) => accepted.push(socket),
      onRefused: (r) => refused.push(r.reason),
    });
    const first = dial(listener);
    await once(first, 'connect');
    const second = dial(listener);
    const [said] = await once(second, 'data');
    expect(String(said)).toBe('-ERR Too many connections.\r\n');
    await once(second, 'close');
    expect(refused).toEqual(['more than 1 connections from this client']);
    expect(listener.connections).toBe(1);
    const [served] = accepted;
    const gone = once(served as Socket, 'close');
    served?.destroy();
    await gone;
    expect(listener.connections).toBe(0);
    const third = dial(listener);
    await once(third, 'connect');
  });

  it('count an IPv6 /64 as one client, and an IPv4-mapped address as the IPv4 address', () => {
    expect(limitKey('2001:db8:0:1::1')).toBe(limitKey('2001:db8:0:1:ffff::2'));
    expect(limitKey('2001:db8:0:1::1')).not.toBe(limitKey('2001:db8:0:2::1'));
    expect(plainIp('::ffff:127.0.0.1')).toBe('127.0.0.1');
    expect(plainIp('::1')).toBe('::1');
  });

  it('drop a handshake that takes too long', async () => {
    const refused = Promise.withResolvers<string>();
    const listener = await open({
      tls: { mode: 'implicit', identity: await temporaryIdentity(['localhost']) },
      handshakeTimeout: 1,
      onConnection: keep,
      onRefused: (r) => refused.resolve(r.reason),
    });
    const client = dial(listener);
    expect(await refused.promise).toContain('no TLS handshake within');
    await once(client, 'close');
    await expect.poll(() => listener.connections).toBe(0);
  });

  it('are not affected by a client that sends clear text to a TLS port', async () => {
    const refused = Promise.withResolvers<string>();
    const listener = await open({
      tls: { mode: 'implicit', identity: await temporaryIdentity(['localhost']) },
      onConnection: keep,
      onRefused: (r) => refused.resolve(r.reason),
    });
    dial(listener).write('EHLO x\r\n');
    expect(await refused.promise).toContain('TLS handshake failed');
  });
});

describe('error messages', () => {
  it('name service, address and port, and what to do, if the port is in use', async () => {
    const listener = await open({ onConnection: keep });
    await expect(open({ name: 'imap', port: listener.port, onConnection: keep })).rejects.toThrow(
      `imap: cannot listen on 127.0.0.1:${listener.port} (EADDRINUSE): another program is listening there`,
    );
  });

  it('name the address if it is not one of this host', async () => {
    await expect(open({ name: 'imap', address: '192.0.2.1', port: 0, onConnection: keep })).rejects.toThrow(
      'this host does not have that address',
    );
  });

  it('the port is free after it closes', async () => {
    const listener = await open({ onConnection: keep });
    await listener.close();
    await open({ port: listener.port, onConnection: keep });
  });
});

describe('certificates (T1)', () => {
  it('T1: creates a certificate for every host name and address, with a key readable by its owner only', async () => {
    const files = await temporaryFiles(['mail.baidu.com', 'www.baidu.com', '127.0.1.134', '::1']);
    expect((await stat(files.keyFile)).mode & 0o777).toBe(0o600);
    const listener = await open({
      tls: { mode: 'implicit', identity: await TlsIdentity.load([files]) },
      onConnection: keep,
    });
    const client = await shake(listener, { servername: 'www.baidu.com' });
    const certificate = client.getPeerX509Certificate();
    expect(certificate?.checkHost('mail.baidu.com')).toBe('mail.baidu.com');
    expect(certificate?.checkIP('127.0.1.134')).toBe('127.0.1.134');
    expect(certificate?.checkIP('::1')).toBe('::1');
    expect(certificate?.ca).toBe(false);
  });

  it('keeps existing files, and refuses an incomplete pair', async () => {
    const files = await temporaryFiles(['localhost']);
    expect(await ensureCertificate(files, ['other'])).toBe(false);
    const half = { certFile: files.certFile, keyFile: `${files.keyFile}.missing` };
    await expect(ensureCertificate(half, ['other'])).rejects.toThrow(
      `${half.keyFile}: missing, while ${half.certFile} exists`,
    );
  });

  it('writes key and certificate into one file if both have the same name', async () => {
    const files = await temporaryFiles(['localhost']);
    const one = `${files.certFile}.both`;
    await ensureCertificate({ certFile: one, keyFile: one }, ['localhost']);
    expect((await stat(one)).mode & 0o777).toBe(0o600);
    await TlsIdentity.load([{ certFile: one, keyFile: one }]);
  });

  it('uses the certificate for the requested name, exact or wildcard, otherwise the first', async () => {
    const sources = await Promise.all([
      temporaryFiles(['default.example']),
      temporaryFiles(['mail.one.example']),
      temporaryFiles(['*.two.example']),
    ]);
    const listener = await open({
      tls: { mode: 'implicit', identity: await TlsIdentity.load(sources) },
      onConnection: keep,
    });
    const shown = async (servername?: string): Promise<string | undefined> =>
      (await shake(listener, servername === undefined ? {} : { servername })).getPeerX509Certificate()?.subject;
    expect(await shown('MAIL.one.example')).toBe('CN=mail.one.example');
    expect(await shown('pop.two.example')).toBe('CN=*.two.example');
    expect(await shown('a.b.two.example')).toBe('CN=default.example');
    expect(await shown('elsewhere.example')).toBe('CN=default.example');
    expect(await shown()).toBe('CN=default.example');
  });

  it('T1: uses a new certificate after a reload while old sessions continue', async () => {
    const [old, fresh] = await Promise.all([temporaryFiles(['old.example']), temporaryFiles(['new.example'])]);
    const identity = await TlsIdentity.load([old]);
    const listener = await open({
      tls: { mode: 'implicit', identity },
      onConnection: (socket) => {
        keep(socket);
        socket.pipe(socket);
      },
    });
    const before = await shake(listener);
    await copyFile(fresh.certFile, old.certFile);
    await expect(identity.prepare([old])).rejects.toThrow(
      `${old.keyFile}: this key does not belong to the certificate in ${old.certFile}`,
    );
    expect((await shake(listener)).getPeerX509Certificate()?.subject).toBe('CN=old.example');
    await copyFile(fresh.keyFile, old.keyFile);
    const commit = await identity.prepare([old]);
    expect((await shake(listener)).getPeerX509Certificate()?.subject).toBe('CN=old.example');
    commit();
    expect((await shake(listener)).getPeerX509Certificate()?.subject).toBe('CN=new.example');
    before.write('still here');
    expect(String((await once(before, 'data'))[0])).toBe('still here');
  });

  it('reports the file that cannot be used', async () => {
    const files = await temporaryFiles(['localhost']);
    await expect(TlsIdentity.load([{ ...files, certFile: '/nowhere/cert.pem' }])).rejects.toThrow(
      '/nowhere/cert.pem: the TLS certificate file cannot be read (ENOENT)',
    );
    await expect(TlsIdentity.load([{ ...files, certFile: files.keyFile }])).rejects.toThrow(
      'contains no PEM certificate',
    );
    await expect(TlsIdentity.load([{ ...files, keyFile: files.certFile }])).rejects.toThrow(
      'contains no usable private key',
    );
  });

  it('creates a certificate that is valid for two years', async () => {
    const { X509Certificate } = await import('node:crypto');
    const made = new X509Certificate((await makeCertificate(['a.example'], Date.UTC(2026, 0, 1))).certificate);
    expect(new Date(made.validTo).toISOString()).toMatch(/^2028-01-01/);
  });
});

describe('the handshake', () => {
  it('refuses TLS 1.1 and reports the negotiated parameters', async () => {
    const served = Promise.withResolvers<Socket>();
    const identity = await temporaryIdentity(['localhost']);
    const listener = await open({
      tls: { mode: 'implicit', identity },
      onConnection: (socket) => {
        keep(socket);
        served.resolve(socket);
      },
    });
    await expect(shake(listener, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' })).rejects.toThrow();
    await shake(listener, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', servername: 'localhost' });
    expect(describeTls(await served.promise)).toEqual({
      protocol: 'TLSv1.2',
      cipher: 'ECDHE-ECDSA-AES128-GCM-SHA256',
      bits: 128,
      serverName: 'localhost',
      chosenBy: '',
      isAsked: false,
      peer: null,
    });
  });

  it('a context that cannot be made refuses the client, and the server goes on', async () => {
    const refused = Promise.withResolvers<string>();
    const identity = {
      clientCertificates: null,
      context: () => {
        throw new Error('no context');
      },
      contextForName: () => undefined,
    };
    const listener = await open({
      tls: { mode: 'implicit', identity },
      onConnection: keep,
      onRefused: ({ reason }) => refused.resolve(reason),
    });
    await expect(shake(listener)).rejects.toThrow();
    expect(await refused.promise).toBe('TLS handshake failed: no context');
  });

  it('negotiates a served protocol name, and refuses a client that only offers others', async () => {
    const listener = await open({
      tls: { mode: 'implicit', identity: await temporaryIdentity(['localhost']), alpn: ['pop3'] },
      onConnection: keep,
    });
    expect((await shake(listener, { ALPNProtocols: ['pop3'] })).alpnProtocol).toBe('pop3');
    expect((await shake(listener)).alpnProtocol).toBe(false);
    await expect(shake(listener, { ALPNProtocols: ['h2'] })).rejects.toThrow();
  });
});

/**
 * TLS on the server side: which certificate a client is shown, and the handshake itself.
 *
 * An identity is a list of key and certificate files as Postfix and Dovecot name them (one file may hold
 * both). The first is the default; a client that names a host (SNI) gets the first whose subject
 * alternative names cover it, exactly or by a wildcard label. `reload` reads the files again: sessions
 * that stand keep what they have, a fault leaves the old certificates in use.
 * TLS 1.2 at least (RFC 8996), no renegotiation.
 */
import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { TlsInfo } from './connection.ts';

/** Paths of PEM files; the certificate file holds the chain, the host's own certificate first. */
export interface CertificateFiles {
  readonly certFile: string;
  /** The same as `certFile` where one file holds both. */
  readonly keyFile: string;
}

interface LoadedCertificate {
  readonly context: SecureContext;
  /** DNS names in lower case, wildcards as `*.example.com`. */
  readonly names: ReadonlySet<string>;
  readonly expiresAt: number;
}

/** How long a peer may take for a handshake where nothing else is said, ms. */
export const HANDSHAKE_TIMEOUT = 30_000;

export class TlsIdentity {
  #files: readonly CertificateFiles[];
  #loaded: readonly LoadedCertificate[];

  private constructor(files: readonly CertificateFiles[], loaded: readonly LoadedCertificate[]) {
    this.#files = files;
    this.#loaded = loaded;
  }

  /** Throws an Error that names the file and what is wrong with it. */
  static async load(files: readonly CertificateFiles[]): Promise<TlsIdentity> {
    if (files.length === 0) throw new Error('TLS needs at least one certificate: name a certificate file and its key file');
    return new TlsIdentity(files, await Promise.all(files.map(loadCertificate)));
  }

  get files(): readonly CertificateFiles[] {
    return this.#files;
  }

  /** Reads the files again, or others, for handshakes to come. Rejects, and keeps what was, where a file is faulty. */
  async reload(files: readonly CertificateFiles[] = this.#files): Promise<void> {
    this.#loaded = await Promise.all(files.map(loadCertificate));
    this.#files = files;
  }

  /** The context for a host name as the client sent it; '' is a client that named none. */
  context(serverName: string): SecureContext {
    const name = serverName.toLowerCase();
    const wildcard = `*${name.slice(name.indexOf('.'))}`;
    const match = name === '' ? undefined : (this.#loaded.find((c) => c.names.has(name)) ?? this.#loaded.find((c) => c.names.has(wildcard)));
    return (match ?? this.#default()).context;
  }

  /** When the first of the certificates ends, ms since 1970 UTC. */
  get expiresAt(): number {
    return Math.min(...this.#loaded.map((c) => c.expiresAt));
  }

  #default(): LoadedCertificate {
    const [first] = this.#loaded;
    if (first === undefined) throw new Error('unreachable: an identity without certificates');
    return first;
  }
}

/**
 * The server's handshake over a connected socket. Rejects, with the socket destroyed, where the peer
 * does not speak TLS, nothing can be agreed upon, or `timeout` ms pass. `alpn`: the protocol names served
 * (RFC 7301); a client that asks for others alone is refused.
 */
export function secure(
  socket: Socket,
  identity: TlsIdentity,
  options: { readonly timeout?: number; readonly alpn?: readonly string[] } = {},
): Promise<TLSSocket> {
  const { timeout = HANDSHAKE_TIMEOUT, alpn = [] } = options;
  const tls = new TLSSocket(socket, {
    isServer: true,
    secureContext: identity.context(''),
    SNICallback: (name, done) => done(null, identity.context(name)),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error(`no TLS handshake within ${timeout / 1000} s`)), timeout);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      tls.off('secure', succeed).off('close', gone);
      reject(error);
      tls.destroy();
      socket.destroy();
    };
    const gone = (): void => fail(new Error('the peer went away during the TLS handshake'));
    const succeed = (): void => {
      clearTimeout(timer);
      tls.off('error', fail).off('close', gone);
      tls.on('error', ignore);
      resolve(tls);
    };
    tls.once('secure', succeed).once('close', gone).on('error', fail);
    socket.on('error', ignore);
  });
}

/** A broken connection ends with 'close'; its 'error' says nothing more that a session could use. */
const ignore = (): void => {};

/** What the session's log line and the Received: header tell of TLS; null for clear text. */
export function describeTls(socket: Socket): TlsInfo | null {
  if (!(socket instanceof TLSSocket)) return null;
  const cipher = socket.getCipher();
  // OpenSSL's name, as Postfix and Dovecot log it; undefined when the connection is gone already, whatever the types say.
  const name = cipher?.name ?? 'unknown';
  // Node's typings call it string | false | null | undefined in turn: only a text is a name.
  const serverName: unknown = socket.servername;
  return { protocol: socket.getProtocol() ?? 'unknown', cipher: name, bits: cipherBits(name), serverName: typeof serverName === 'string' ? serverName : '' };
}

function cipherBits(name: string): number {
  if (/CHACHA20|(AES|ARIA|CAMELLIA)_?256/.test(name)) return 256;
  return /(AES|ARIA|CAMELLIA)_?128/.test(name) ? 128 : 0;
}

async function loadCertificate(files: CertificateFiles): Promise<LoadedCertificate> {
  const [cert, key] = await Promise.all([readPem(files.certFile, 'certificate'), readPem(files.keyFile, 'key')]);
  let x509: X509Certificate;
  try {
    x509 = new X509Certificate(cert);
  } catch (cause) {
    throw new Error(`${files.certFile}: no PEM certificate in it (expected -----BEGIN CERTIFICATE-----)`, { cause });
  }
  let matches: boolean;
  try {
    matches = x509.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new Error(`${files.keyFile}: no usable private key in it (expected -----BEGIN PRIVATE KEY----- without a passphrase)`, { cause });
  }
  if (!matches) throw new Error(`${files.keyFile}: this key does not belong to the certificate in ${files.certFile}`);
  const context = createSecureContext({ cert, key, minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_RENEGOTIATION, honorCipherOrder: true });
  return { context, names: namesOf(x509), expiresAt: Date.parse(x509.validTo) };
}

async function readPem(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new Error(`${path}: the TLS ${what} file cannot be read (${code})`, { cause });
  }
}

/** DNS names of the certificate; its common name counts only where it has no alternative names (RFC 6125). */
function namesOf(x509: X509Certificate): ReadonlySet<string> {
  const listed = [...(x509.subjectAltName ?? '').matchAll(/DNS:([^,\s"]+)/g)].map((m) => m[1] ?? '');
  const common = /^CN=(.+)$/m.exec(x509.subject)?.[1];
  return new Set((listed.length === 0 && common !== undefined ? [common] : listed).map((name) => name.toLowerCase()));
}

/**
 * TLS on the server side: which certificate a client is shown, and the handshake itself.
 *
 * An identity is a list of certificates (certificate-files.ts). The first is the default; a client that names a
 * host (SNI, RFC 6066) gets the first one whose subject alternative names cover it, exactly or by a wildcard label.
 * `prepare` reads files without using them yet, so that a caller can replace several identities together or none;
 * sessions keep the certificate they began with. TLS 1.2 at least (RFC 8996), no renegotiation.
 */
import { constants, type X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { type CertificateSource, readKeyPairs } from './certificate-files.ts';
import type { TlsInfo } from './connection.ts';

interface LoadedCertificate {
  readonly context: SecureContext;
  /** DNS names in lower case, wildcards as `*.example.com`. */
  readonly names: ReadonlySet<string>;
  readonly validity: readonly Validity[];
}

/** When a certificate in use ends. */
export interface Validity {
  /** The file that holds it. */
  readonly file: string;
  /** ms since 1970 UTC. */
  readonly expiresAt: number;
}

/** How long a peer may take for a handshake where nothing else is said, ms. */
export const HANDSHAKE_TIMEOUT = 30_000;

/** Who shows certificates: a TlsIdentity. */
export interface TlsContexts {
  /** For a host name as the client sent it; '' is a client that named none. */
  context(serverName: string): SecureContext;
  /** For a client that named a host in its handshake; undefined: go on with what `context('')` gave. */
  contextForName(serverName: string): SecureContext | undefined;
}

export class TlsIdentity implements TlsContexts {
  #loaded: readonly LoadedCertificate[];

  private constructor(loaded: readonly LoadedCertificate[]) {
    this.#loaded = loaded;
  }

  /** Rejects with an Error that names the file and what is wrong with it. */
  static async load(sources: readonly CertificateSource[]): Promise<TlsIdentity> {
    return new TlsIdentity(await loadAll(sources));
  }

  /**
   * Reads other files, or the same ones again; the function puts them to use for handshakes to come. Rejects as `load`
   * does.
   */
  async prepare(sources: readonly CertificateSource[]): Promise<() => void> {
    const loaded = await loadAll(sources);
    return () => {
      this.#loaded = loaded;
    };
  }

  /** The context for a host name as the client sent it; '' is a client that named none. */
  context(serverName: string): SecureContext {
    return (this.#covering(serverName.toLowerCase()) ?? this.#default()).context;
  }

  /**
   * What answers a client that named a host in its handshake; undefined where it is to go on with `context('')`, as it
   * began. Node takes only one certificate of a context that is given to it then: clients of the other algorithm would
   * get none.
   */
  contextForName(serverName: string): SecureContext | undefined {
    const covering = this.#covering(serverName.toLowerCase());
    return covering === this.#loaded[0] ? undefined : covering?.context;
  }

  /** Whether one of the certificates is valid for this host name. */
  covers(serverName: string): boolean {
    return this.#covering(serverName.toLowerCase()) !== undefined;
  }

  get validity(): readonly Validity[] {
    return this.#loaded.flatMap((certificate) => certificate.validity);
  }

  #covering(name: string): LoadedCertificate | undefined {
    if (name === '') return undefined;
    const wildcard = `*${name.slice(name.indexOf('.'))}`;
    return this.#loaded.find(({ names }) => names.has(name)) ?? this.#loaded.find(({ names }) => names.has(wildcard));
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
  identity: TlsContexts,
  options: { readonly timeout?: number; readonly alpn?: readonly string[] } = {},
): Promise<TLSSocket> {
  const { timeout = HANDSHAKE_TIMEOUT, alpn = [] } = options;
  const tls = new TLSSocket(socket, {
    isServer: true,
    secureContext: identity.context(''),
    SNICallback: (name, done) => done(null, identity.contextForName(name)),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error(`no TLS handshake within ${timeout / 1000} s`)), timeout);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      tls.off('secure', succeed).off('close', gone).off('end', gone);
      reject(error);
      tls.destroy();
      socket.destroy();
    };
    const gone = (): void => fail(new Error('the peer went away during the TLS handshake'));
    const succeed = (): void => {
      clearTimeout(timer);
      tls.off('error', fail).off('close', gone).off('end', gone);
      tls.on('error', ignore);
      resolve(tls);
    };
    // A half-open socket does not close by itself: a peer that is gone would hold its place until the time is over.
    tls.once('secure', succeed).once('close', gone).once('end', gone).on('error', fail);
    socket.on('error', ignore);
  });
}

/** A broken connection ends with 'close'; its 'error' says nothing more that a session could use. */
const ignore = (): void => {};

/** What the session's log line and the Received: header tell of TLS; null for clear text. */
export function describeTls(socket: Socket): TlsInfo | null {
  if (!(socket instanceof TLSSocket)) return null;
  const cipher = socket.getCipher();
  // OpenSSL's name, as Postfix and Dovecot log it; undefined when the connection is gone already, whatever the types
  // say.
  const name = cipher?.name ?? 'unknown';
  // Node's typings call it string | false | null | undefined in turn: only a text is a name.
  const serverName: unknown = socket.servername;
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: name,
    bits: cipherBits(name),
    serverName: typeof serverName === 'string' ? serverName : '',
  };
}

function cipherBits(name: string): number {
  if (/CHACHA20|(AES|ARIA|CAMELLIA)_?256/.test(name)) return 256;
  return /(AES|ARIA|CAMELLIA)_?128/.test(name) ? 128 : 0;
}

async function loadAll(sources: readonly CertificateSource[]): Promise<LoadedCertificate[]> {
  if (sources.length === 0)
    throw new Error('TLS needs at least one certificate: name a certificate file and its key file');
  return Promise.all(sources.map(loadCertificate));
}

async function loadCertificate(source: CertificateSource): Promise<LoadedCertificate> {
  const pairs = await readKeyPairs(source);
  const context = createSecureContext({
    cert: pairs.map(({ chain }) => chain),
    key: pairs.map(({ key }) => key),
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    honorCipherOrder: true,
  });
  return {
    context,
    names: new Set(pairs.flatMap(({ certificate }) => namesOf(certificate))),
    validity: pairs.map(({ file, certificate }) => ({ file, expiresAt: Date.parse(certificate.validTo) })),
  };
}

/** DNS names of the certificate; its common name counts only where it has no alternative names (RFC 6125). */
export function namesOf(x509: X509Certificate): string[] {
  const listed = [...(x509.subjectAltName ?? '').matchAll(/DNS:([^,\s"]+)/g)].map((m) => m[1] ?? '');
  const common = /^CN=(.+)$/m.exec(x509.subject)?.[1];
  return (listed.length === 0 && common !== undefined ? [common] : listed).map((name) => name.toLowerCase());
}

/**
 * TLS on the server side: certificate selection and the handshake.
 *
 * An identity is a list of certificates (certificate-files.ts). The first is the default; a client that names a
 * host (SNI, RFC 6066) gets the first one whose subject alternative names cover it, exactly or by a wildcard label.
 * `prepare` reads files without using them yet, so that a caller can replace several identities together or none;
 * sessions keep the certificate they started with. TLS 1.2 or later (RFC 8996), no renegotiation.
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

/** When a certificate in use expires. */
export interface Validity {
  /** The file that contains it. */
  readonly file: string;
  /** ms since 1970 UTC. */
  readonly expiresAt: number;
}

/** Default timeout of a handshake, ms. */
export const HANDSHAKE_TIMEOUT = 30_000;

/** A provider of certificates: a TlsIdentity. */
export interface TlsContexts {
  /** For a host name as the client sent it; '' for a client that sent none. */
  context(serverName: string): SecureContext;
  /** For a client that sent a host name (SNI); undefined: keep using `context('')`. */
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
   * Reads other files, or the same ones again; the returned function puts them into use for later handshakes. Rejects
   * like `load`.
   */
  async prepare(sources: readonly CertificateSource[]): Promise<() => void> {
    const loaded = await loadAll(sources);
    return () => {
      this.#loaded = loaded;
    };
  }

  /** The context for a host name as the client sent it; '' for a client that sent none. */
  context(serverName: string): SecureContext {
    return (this.#covering(serverName.toLowerCase()) ?? this.#default()).context;
  }

  /**
   * The context for a client that sent a host name; undefined if it should keep using `context('')`, with which it
   * started. Node would take only one certificate from a context returned at that point: clients of the other algorithm
   * would get none.
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
 * The server's handshake over a connected socket. Rejects, with the socket destroyed, if the peer
 * does not speak TLS, there are no common parameters, or `timeout` ms pass. `alpn`: the protocol names served
 * (RFC 7301); a client that offers only others is refused.
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
    const gone = (): void => fail(new Error('the peer closed the connection during the TLS handshake'));
    const succeed = (): void => {
      clearTimeout(timer);
      tls.off('error', fail).off('close', gone).off('end', gone);
      tls.on('error', ignore);
      resolve(tls);
    };
    // A half-open socket does not close by itself: without these, a peer that left would keep its slot until the
    // timeout.
    tls.once('secure', succeed).once('close', gone).once('end', gone).on('error', fail);
    socket.on('error', ignore);
  });
}

/** A broken connection also emits 'close'; sessions do not need its 'error'. */
const ignore = (): void => {};

/** TLS details for the session's log line and the Received: header; null for clear text. */
export function describeTls(socket: Socket): TlsInfo | null {
  if (!(socket instanceof TLSSocket)) return null;
  const cipher = socket.getCipher();
  // OpenSSL's name, as Postfix and Dovecot log it; undefined if the connection is already closed, contrary to the
  // types.
  const name = cipher?.name ?? 'unknown';
  // Node's typings vary between string | false | null | undefined: accept only a string.
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

/** DNS names of the certificate; its common name is used only if it has no alternative names (RFC 6125). */
export function namesOf(x509: X509Certificate): string[] {
  const listed = [...(x509.subjectAltName ?? '').matchAll(/DNS:([^,\s"]+)/g)].map((m) => m[1] ?? '');
  const common = /^CN=(.+)$/m.exec(x509.subject)?.[1];
  return (listed.length === 0 && common !== undefined ? [common] : listed).map((name) => name.toLowerCase());
}

/**
 * TLS on the server side: certificate selection and the handshake.
 *
 * An identity is a list of certificates (certificate-files.ts). The first is the default; a client that names a
 * host (SNI, RFC 6066) gets the first one whose subject alternative names cover it, exactly or by a wildcard label.
 * `prepare` reads files without using them yet, so that a caller can replace several identities together or none;
 * sessions keep the certificate they started with. Services that share an identity may demand different terms of
 * their clients (`under`). No renegotiation.
 */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { counters } from '../counters.ts';
import type { ShownCertificate } from '../protocol/tls/peer.ts';
import { type ClientCertificates, MODERN, type ServerTerms } from '../protocol/tls/terms.ts';
import { issuersOf } from './certificate-chain.ts';
import { type CertificateSource, type KeyPair, readKeyPairs } from './certificate-files.ts';
import type { TlsInfo } from './connection.ts';
import { serverContext } from './server-context.ts';

interface LoadedCertificate {
  readonly pairs: readonly KeyPair[];
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

/** Certificates for handshakes under some terms. */
export interface TlsContexts {
  /** Null: clients are not asked for certificates. */
  readonly clientCertificates: ClientCertificates | null;
  /** For a client that sent no host name. */
  context(): SecureContext;
  /**
   * For a client that sent a host name (SNI); undefined: keep using `context()`. Node takes only one certificate from a
   * context returned at that point. A rejection refuses the client.
   */
  contextForName(serverName: string): SecureContext | undefined | Promise<SecureContext | undefined>;
}

export class TlsIdentity implements TlsContexts {
  readonly clientCertificates = null;
  #loaded: readonly LoadedCertificate[];
  readonly #modern: TlsContexts;

  private constructor(loaded: readonly LoadedCertificate[]) {
    this.#loaded = loaded;
    this.#modern = this.under(MODERN);
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

  /** The certificates of now and of later reloads under other terms than MODERN. */
  under(terms: ServerTerms): TlsContexts {
    const contexts = new WeakMap<LoadedCertificate, SecureContext>();
    const contextOf = (loaded: LoadedCertificate): SecureContext => {
      const context = contexts.get(loaded) ?? serverContext(loaded.pairs, terms);
      contexts.set(loaded, context);
      return context;
    };
    return {
      clientCertificates: terms.clientCertificates,
      context: () => contextOf(this.#default()),
      contextForName: (serverName) => {
        const covering = this.#covering(serverName.toLowerCase());
        // The default may have several certificates, which the client keeps if it goes on with it.
        return covering === undefined || covering === this.#loaded[0] ? undefined : contextOf(covering);
      },
    };
  }

  context(): SecureContext {
    return this.#modern.context();
  }

  contextForName(serverName: string): ReturnType<TlsContexts['contextForName']> {
    return this.#modern.contextForName(serverName);
  }

  /** Keys and certificates of the default, one of each algorithm. */
  get pairs(): readonly KeyPair[] {
    return this.#default().pairs;
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
export async function secure(
  socket: Socket,
  contexts: TlsContexts,
  options: HandshakeOptions = {},
): Promise<TLSSocket> {
  try {
    const secured = await handshake(socket, contexts, options);
    counters.tlsHandshakes.count('ok', secured.getProtocol() ?? '');
    return secured;
  } catch (error) {
    counters.tlsHandshakes.count('failed', '');
    // Also if no context could be made.
    socket.destroy();
    throw error;
  }
}

interface HandshakeOptions {
  readonly timeout?: number;
  readonly alpn?: readonly string[];
}

function handshake(socket: Socket, contexts: TlsContexts, options: HandshakeOptions): Promise<TLSSocket> {
  const { timeout = HANDSHAKE_TIMEOUT, alpn = [] } = options;
  const { clientCertificates } = contexts;
  let chosenBy = '';
  const find = async (name: string): Promise<SecureContext | undefined> => {
    const context = await contexts.contextForName(name);
    if (context !== undefined) chosenBy = name;
    return context;
  };
  const tls = new TLSSocket(socket, {
    isServer: true,
    secureContext: contexts.context(),
    SNICallback: (name, done) => {
      // A throw within the callback would end the process.
      find(name).then(
        (context) => done(null, context),
        (error: Error) => done(error),
      );
    },
    requestCert: clientCertificates !== null,
    // An unknown certificate is no reason to refuse the client: restrictions decide.
    rejectUnauthorized: false,
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error(`no TLS handshake within ${timeout / 1000} s`)), timeout);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      tls.off('secure', succeed).off('close', gone).off('end', gone);
      reject(error);
      tls.destroy();
    };
    const gone = (): void => fail(new Error('the peer closed the connection during the TLS handshake'));
    const succeed = (): void => {
      clearTimeout(timer);
      tls.off('error', fail).off('close', gone).off('end', gone);
      tls.on('error', ignore);
      agreed.set(tls, { ...agreement(tls, clientCertificates), chosenBy });
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

const agreed = new WeakMap<Socket, TlsInfo>();

/** What a handshake of `secure` agreed on; null for clear text. */
export const describeTls = (socket: Socket): TlsInfo | null => agreed.get(socket) ?? null;

function agreement(socket: TLSSocket, asked: ClientCertificates | null): Omit<TlsInfo, 'chosenBy'> {
  // OpenSSL's name, as Postfix and Dovecot log it; undefined if the connection is already closed, contrary to the
  // types.
  const cipher = socket.getCipher()?.name ?? 'unknown';
  // Node's typings vary between string | false | null | undefined: accept only a string.
  const serverName: unknown = socket.servername;
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher,
    bits: cipherBits(cipher),
    serverName: typeof serverName === 'string' ? serverName : '',
    isAsked: asked !== null,
    peer: asked === null ? null : shownCertificate(socket, asked),
  };
}

function shownCertificate(socket: TLSSocket, { depth, revocationLists }: ClientCertificates): ShownCertificate | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  // Without any list OpenSSL would not ask about revocation.
  const isUnlisted = revocationLists?.length === 0;
  const fault =
    verifyFault(socket) ||
    (issuersOf(socket) > depth ? 'certificate chain too long' : isUnlisted ? 'unable to get certificate CRL' : '');
  return { certificate, trusted: fault === '', fault };
}

/** Node verifies every chain, but gives the result only to sockets of its own server. */
function verifyFault(socket: TLSSocket): string {
  const { _handle: handle } = socket as { readonly _handle?: { readonly verifyError?: () => Error | null } };
  if (typeof handle?.verifyError !== 'function') return 'certificate not verified';
  const error = handle.verifyError();
  // Node adds advice behind a semicolon.
  return error === null || error === undefined ? '' : error.message.split(';')[0] || 'certificate not verified';
}

/** Of the secret; 0 for ciphers without one. */
export function cipherBits(name: string): number {
  if (/CHACHA20|(AES|ARIA|CAMELLIA)_?256/.test(name)) return 256;
  if (/(AES|ARIA|CAMELLIA)_?128|SEED|RC4|IDEA/.test(name)) return 128;
  return /3DES|DES-CBC3/.test(name) ? 168 : 0;
}

async function loadAll(sources: readonly CertificateSource[]): Promise<LoadedCertificate[]> {
  if (sources.length === 0)
    throw new Error('TLS needs at least one certificate: name a certificate file and its key file');
  return Promise.all(sources.map(loadCertificate));
}

async function loadCertificate(source: CertificateSource): Promise<LoadedCertificate> {
  const pairs = await readKeyPairs(source);
  // A key that OpenSSL does not take is found before a client comes.
  serverContext(pairs, MODERN);
  return {
    pairs,
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

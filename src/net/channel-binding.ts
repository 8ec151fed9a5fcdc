/** What identifies a TLS connection to both of its ends, so that nobody in between can pass a proof on (RFC 5056). */
import { createHash, type X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

const BINDINGS: Readonly<Record<string, (socket: TLSSocket) => Buffer | null>> = {
  // RFC 9266. Before TLS 1.3 it is safe only with the extended master secret, of which Node does not tell.
  'tls-exporter': (socket) =>
    socket.getProtocol() === 'TLSv1.3'
      ? socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
      : null,
  // RFC 5929 section 4.
  'tls-server-end-point': (socket) => {
    const certificate = socket.getX509Certificate();
    return certificate === undefined ? null : endPoint(certificate);
  },
};

/** Of a connection after its handshake; null if it has none of this type. */
export function channelBinding(socket: Socket, type: string): Buffer | null {
  if (!(socket instanceof TLSSocket) || !Object.hasOwn(BINDINGS, type)) return null;
  try {
    return BINDINGS[type]?.(socket) ?? null;
  } catch {
    // The connection is closed.
    return null;
  }
}

/** By the hash of its signature; MD5 and SHA-1 are replaced by SHA-256. Null for a signature without one (Ed25519). */
function endPoint({ raw, signatureAlgorithm }: X509Certificate): Buffer | null {
  const hash = /SHA-?(1|224|256|384|512)|MD5/i.exec(signatureAlgorithm ?? '');
  if (hash === null) return null;
  const bits = hash[1] === undefined || hash[1] === '1' ? '256' : hash[1];
  return createHash(`sha${bits}`).update(raw).digest();
}

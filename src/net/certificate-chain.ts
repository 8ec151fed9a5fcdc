import type { PeerCertificate, TLSSocket } from 'node:tls';

/** How many certificates are above the peer's own in the chain that was verified. */
export function issuersOf(socket: TLSSocket): number {
  const seen = new Set<object>();
  let at: Partial<PeerCertificate> & { readonly issuerCertificate?: PeerCertificate } = socket.getPeerCertificate(true);
  // The last one is its own issuer, or has none.
  while (at.issuerCertificate !== undefined && at.issuerCertificate !== at && !seen.has(at)) {
    seen.add(at);
    at = at.issuerCertificate;
  }
  return seen.size;
}

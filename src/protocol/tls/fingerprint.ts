/** Fingerprints of a certificate and of its public key, as Postfix writes them: `A1:B2:…`. */
import { createHash, getHashes, type X509Certificate } from 'node:crypto';

export interface Fingerprints {
  readonly certificate: string;
  readonly publicKey: string;
}

/** Throws for a digest that OpenSSL does not have. */
export function fingerprintsOf(certificate: X509Certificate, digest: string): Fingerprints {
  const of = (octets: Buffer): string => colons(createHash(digest).update(octets).digest('hex'));
  return {
    certificate: of(certificate.raw),
    publicKey: of(certificate.publicKey.export({ type: 'spki', format: 'der' })),
  };
}

const colons = (hex: string): string => hex.toUpperCase().replace(/..(?=.)/g, '$&:');

/** For a comparison of fingerprints: with or without colons, in either case. */
export const plainFingerprint = (text: string): string => text.replaceAll(':', '').toLowerCase();

/** What was expected instead; undefined for a digest that there is. */
export const digestFault = (name: string): string | undefined =>
  getHashes().includes(name.toLowerCase()) ? undefined : 'expected a digest such as sha256';

/** Fingerprints of a certificate and of its public key, as Postfix writes them: `A1:B2:…`. */
import { createHash, getHashes, type X509Certificate } from 'node:crypto';

export interface Fingerprints {
  readonly certificate: string;
  readonly publicKey: string;
}

export interface FingerprintForm {
  readonly digest: string;
  /** As Postfix 2.9.0 to 2.9.5 made those of keys: without the algorithm (tls_legacy_public_key_fingerprints). */
  readonly legacyKeys: boolean;
}

/** Throws for a digest that OpenSSL does not have. */
export function fingerprintsOf(certificate: X509Certificate, { digest, legacyKeys }: FingerprintForm): Fingerprints {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  const of = (octets: Buffer): string => colons(createHash(digest).update(octets).digest('hex'));
  return {
    certificate: of(certificate.raw),
    publicKey: of(legacyKeys ? keyBits(key) : key),
  };
}

/** What is in the bit string of a SubjectPublicKeyInfo (RFC 5280 section 4.1): a sequence of the algorithm and that. */
function keyBits(info: Buffer): Buffer {
  const [outer] = elementAt(info, 0);
  const [, algorithmEnd] = elementAt(info, outer);
  const [start, end] = elementAt(info, algorithmEnd);
  // The first octet is the number of unused bits.
  return info.subarray(start + 1, end);
}

/** Where the content of the DER element at that offset begins and ends. */
function elementAt(der: Buffer, offset: number): readonly [start: number, end: number] {
  const short = der.readUInt8(offset + 1);
  const octets = short < 0x80 ? 0 : short - 0x80;
  const start = offset + 2 + octets;
  return [start, start + (octets === 0 ? short : der.readUIntBE(offset + 2, octets))];
}

const colons = (hex: string): string => hex.toUpperCase().replace(/..(?=.)/g, '$&:');

/** For a comparison of fingerprints: with or without colons, in either case. */
export const plainFingerprint = (text: string): string => text.replaceAll(':', '').toLowerCase();

/** What was expected instead; undefined for a digest that there is. */
export const digestFault = (name: string): string | undefined =>
  getHashes().includes(name.toLowerCase()) ? undefined : 'expected a digest such as sha256';

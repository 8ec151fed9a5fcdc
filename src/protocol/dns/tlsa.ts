/** TLSA records (RFC 6698), as SMTP uses them (RFC 7672). */
import { WireReader } from './wire.ts';

/** The certificate usages that SMTP knows (RFC 7672 section 3.1): a trust anchor, or the server's own certificate. */
export const USAGE = { trustAnchor: 2, endEntity: 3 } as const;

export interface TlsaRecord {
  readonly usage: number;
  /** 0: the whole certificate, 1: its public key (SubjectPublicKeyInfo). */
  readonly selector: number;
  /** 0: as it is, 1: SHA-256, 2: SHA-512. */
  readonly matching: number;
  /** Hexadecimal, in lower case. */
  readonly data: string;
}

/** A matching type by its number; null is no digest. */
export const DIGESTS: readonly (Digest | null)[] = [
  null,
  { name: 'sha256', octets: 32 },
  { name: 'sha512', octets: 64 },
];

export interface Digest {
  readonly name: 'sha256' | 'sha512';
  readonly octets: number;
}

/** Throws WireError if it is too short. */
export function readTlsa(rdata: Uint8Array): TlsaRecord {
  const reader = new WireReader(rdata);
  const [usage, selector, matching] = [reader.u8(), reader.u8(), reader.u8()];
  return { usage, selector, matching, data: Buffer.from(reader.bytes(reader.left)).toString('hex') };
}

/**
 * The records by which a server may be known. PKIX usages are not for SMTP (RFC 7672 section 3.1.3). Of the records of
 * one usage and selector those with the strongest digest count, and those without one (RFC 7671 section 9).
 * `digests`: names, the strongest first (tls_dane_digests).
 */
export function usableTlsa(records: readonly TlsaRecord[], digests: readonly string[]): readonly TlsaRecord[] {
  const known = records.filter((record) => isKnown(record, digests));
  return known.filter(
    (record) =>
      record.matching === 0 ||
      known.every(
        (other) =>
          other.usage !== record.usage ||
          other.selector !== record.selector ||
          other.matching === 0 ||
          rankOf(other, digests) >= rankOf(record, digests),
      ),
  );
}

function isKnown({ usage, selector, matching, data }: TlsaRecord, digests: readonly string[]): boolean {
  if (usage !== USAGE.trustAnchor && usage !== USAGE.endEntity) return false;
  if (selector > 1 || matching >= DIGESTS.length) return false;
  const digest = DIGESTS[matching] ?? null;
  return digest === null ? data !== '' : data.length === 2 * digest.octets && digests.includes(digest.name);
}

const rankOf = ({ matching }: TlsaRecord, digests: readonly string[]): number =>
  digests.indexOf(DIGESTS[matching]?.name ?? '');

/**
 * What one side agrees to in a handshake, apart from its certificates. The names are those of Node's
 * `tls.createSecureContext`.
 */
import { constants } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../../errors.ts';
import { type CipherGrades, cipherList } from './ciphers.ts';
import { secureOptions } from './options.ts';
import { allowedVersions, TLS_VERSIONS, type TlsVersion } from './versions.ts';

export interface TlsTerms {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** Bits `SSL_OP_…`. */
  readonly secureOptions: number;
  /** OpenSSL's list; undefined for Node's. */
  readonly ciphers?: string;
  /** Separated by colons; `auto` for OpenSSL's. */
  readonly ecdhCurve?: string;
}

/** How clients are asked for certificates. */
export interface ClientCertificates {
  /** How many certificates may be above the client's own. */
  readonly depth: number;
  /** PEM: a certificate without one of each authority above it is not valid. Null: revocation is not asked about. */
  readonly revocationLists: readonly string[] | null;
}

export interface ServerTerms extends TlsTerms {
  readonly honorCipherOrder: boolean;
  /** PEM, or `auto`; undefined for no finite-field Diffie-Hellman. */
  readonly dhparam?: string;
  /** Seconds for which a session may be resumed; 0 for never. */
  readonly sessionTimeout: number;
  /** PEM: those that client certificates are checked with, and that complete the server's own chain. */
  readonly authorities: readonly string[];
  /** Null: clients are not asked for certificates. */
  readonly clientCertificates: ClientCertificates | null;
}

const WITHOUT: Readonly<Record<TlsVersion, number>> = {
  TLSv1: constants.SSL_OP_NO_TLSv1,
  'TLSv1.1': constants.SSL_OP_NO_TLSv1_1,
  'TLSv1.2': constants.SSL_OP_NO_TLSv1_2,
  'TLSv1.3': constants.SSL_OP_NO_TLSv1_3,
};

/** As a configuration says it. */
export interface TermWords {
  readonly versions: readonly string[];
  readonly grade: string;
  readonly grades: CipherGrades;
  readonly exclusions: readonly string[];
  readonly curves: readonly string[];
  readonly options: readonly string[];
  readonly disabledWorkarounds: readonly string[];
}

/** Words that cannot be met, and what they are about. */
export class TermFault extends Error {
  override readonly name = 'TermFault';
  readonly about: 'versions' | 'ciphers' | 'curves';
  constructor(about: TermFault['about'], cause: unknown, message = messageOf(cause)) {
    super(message, { cause });
    this.about = about;
  }
}

/** Throws TermFault for words without meaning, and where OpenSSL finds no cipher or curve. */
export function termsOf(words: TermWords): TlsTerms {
  const { versions, grade, grades, exclusions, curves, options, disabledWorkarounds } = words;
  const allowed = judged('versions', () => allowedVersions(versions));
  const ciphers = judged('ciphers', () => cipherList(grade, grades, exclusions));
  const ecdhCurve = curves.length === 0 ? 'auto' : curves.join(':');
  judged(
    'ciphers',
    () => checkCiphers(ciphers),
    `the grade ${grade} without ${exclusions.join(', ') || 'exclusions'} leaves no cipher`,
  );
  judged('curves', () => checkCurves(ecdhCurve), `${curves.join(', ')}: not all of them are curves of OpenSSL`);
  return { ...versionTerms(allowed, secureOptions(options, disabledWorkarounds)), ciphers, ecdhCurve };
}

/** Throws if OpenSSL finds none in the list. */
export const checkCiphers = (ciphers: string): void => void createSecureContext({ ca: [], ciphers });

/** Throws if OpenSSL does not know all of them. */
export const checkCurves = (ecdhCurve: string): void => void createSecureContext({ ca: [], ecdhCurve });

function judged<T>(about: TermFault['about'], make: () => T, message?: string): T {
  try {
    return make();
  } catch (error) {
    throw new TermFault(about, error, message);
  }
}

/** `versions`: at least one, the oldest first. */
function versionTerms(
  versions: readonly TlsVersion[],
  options: number,
): Pick<TlsTerms, 'minVersion' | 'maxVersion' | 'secureOptions'> {
  const [minVersion = 'TLSv1.2'] = versions;
  const maxVersion = versions.at(-1) ?? minVersion;
  const between = TLS_VERSIONS.slice(TLS_VERSIONS.indexOf(minVersion), TLS_VERSIONS.indexOf(maxVersion));
  const holes = between.filter((version) => !versions.includes(version)).map((version) => WITHOUT[version]);
  return {
    minVersion,
    maxVersion,
    secureOptions: holes.reduce((bits, bit) => bits | bit, options),
  };
}

/** Where nothing else is configured: TLS 1.2 or later (RFC 8996) with Node's ciphers. */
export const MODERN: ServerTerms = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  honorCipherOrder: true,
  sessionTimeout: 300,
  authorities: [],
  clientCertificates: null,
};

/**
 * The certificate authorities used to verify other mail servers (smtp_tls_CAfile): only those of the named file, or the
 * platform's if no file is named or it does not exist.
 */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import { isAbsent, type NamedFile } from './certificates.ts';
import type { Fault } from './fault.ts';
import type { PathResolver } from './paths.ts';

export interface Authorities {
  /** PEM; empty: the platform's. */
  readonly certificates: readonly string[];
  /** As named in main.cf; null if not set. */
  readonly named: NamedFile | null;
  /** The named file does not exist. */
  readonly absent: boolean;
  readonly fault?: Fault;
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g;

export function readAuthorities(named: NamedFile | null, paths: PathResolver): Authorities {
  if (named === null) return { certificates: [], named, absent: false };
  if (isAbsent(named.path, paths)) return { certificates: [], named, absent: true };
  const path = paths.resolve(named.path);
  try {
    const certificates = readFileSync(path, 'latin1').match(CERTIFICATE) ?? [];
    if (certificates.length === 0)
      throw new Error('no certificate in it; expected PEM ("-----BEGIN CERTIFICATE-----")');
    for (const certificate of certificates) new X509Certificate(certificate);
    return { certificates, named, absent: false };
  } catch (error) {
    return {
      certificates: [],
      named,
      absent: false,
      fault: { ...named.place, message: `${path}: ${messageOf(error)}` },
    };
  }
}

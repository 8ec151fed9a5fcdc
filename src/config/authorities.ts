/**
 * Which certificate authorities other mail servers are checked with (smtp_tls_CAfile): those of the named
 * file alone, or the platform's where none is named or the file is not there.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { PathResolver } from './paths.ts';

export interface Authorities {
  /** PEM; empty: the platform's. */
  readonly certificates: readonly string[];
  /** What to tell people; undefined where all is as they wrote it. */
  readonly note?: string;
  readonly fault?: string;
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g;

export function readAuthorities(file: string, paths: PathResolver): Authorities {
  if (file === '') return { certificates: [] };
  if (!paths.exists(file)) return { certificates: [], note: `smtp_tls_CAfile = ${file}: not there, the platform's authorities are used` };
  const path = paths.resolve(file);
  try {
    const certificates = readFileSync(path, 'latin1').match(CERTIFICATE) ?? [];
    if (certificates.length === 0) throw new Error('no certificate in it; expected PEM ("-----BEGIN CERTIFICATE-----")');
    for (const certificate of certificates) new X509Certificate(certificate);
    return { certificates };
  } catch (error) {
    return { certificates: [], fault: `${path}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

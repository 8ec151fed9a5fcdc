/**
 * The certificate authorities with which the other side's certificates are checked, as Postfix names them: a file
 * (CAfile), a folder with hashed names (CApath), and with tls_append_default_CA those of the system. Without any, no
 * certificate is trusted, as in Postfix.
 */
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { messageOf } from '../errors.ts';
import { isAbsent, type NamedFile } from './certificates.ts';
import type { Fault } from './fault.ts';
import type { PathResolver } from './paths.ts';

export interface NamedAuthorities {
  readonly file: NamedFile | undefined;
  readonly folder: NamedFile | undefined;
  readonly withSystem: boolean;
}

export interface Authorities {
  /** PEM, each once. */
  readonly certificates: readonly string[];
  readonly faults: readonly Fault[];
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g;
const REVOCATION_LIST = /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g;
/** As `openssl rehash` names them. */
const HASHED = /^[0-9a-f]{8}\.\d{1,4}$/;

export function readAuthorities({ file, folder, withSystem }: NamedAuthorities, paths: PathResolver): Authorities {
  const faults: Fault[] = [];
  const attempt = (named: NamedFile | undefined, read: (path: string) => string[]): string[] => {
    if (named === undefined) return [];
    const path = paths.resolve(named.path);
    try {
      if (isAbsent(named.path, paths)) throw new Error('there is no such file');
      return read(path);
    } catch (error) {
      faults.push({ ...named.place, message: `${path}: ${messageOf(error)}` });
      return [];
    }
  };
  const certificates = [...attempt(file, certificatesIn), ...attempt(folder, certificatesBelow)];
  return { certificates: [...new Set(withSystem ? [...certificates, ...systemAuthorities()] : certificates)], faults };
}

/** Throws if there is none, or one that is not valid. */
export function certificatesIn(path: string): string[] {
  const certificates = readFileSync(path, 'latin1').match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw new Error('no certificate in it; expected PEM ("-----BEGIN CERTIFICATE-----")');
  for (const certificate of certificates) new X509Certificate(certificate);
  return certificates;
}

/** PEM; none is no fault. */
export const revocationListsIn = (path: string): string[] => readFileSync(path, 'latin1').match(REVOCATION_LIST) ?? [];

const certificatesBelow = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => HASHED.test(name))
    .flatMap((name) => certificatesIn(join(folder, name)));

/** Those of Node where the system has none. */
export function systemAuthorities(): string[] {
  const system = getCACertificates('system');
  return system.length > 0 ? system : getCACertificates('bundled');
}

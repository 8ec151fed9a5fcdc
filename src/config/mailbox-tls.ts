/** The terms of TLS of IMAP and POP3: those of dovecot.conf, and the files of authorities that it names. */
import { createSecureContext } from 'node:tls';
import { messageOf } from '../errors.ts';
import { MODERN, type ServerTerms } from '../protocol/tls/terms.ts';
import { readAuthorities, revocationListsIn } from './authorities.ts';
import type { Dovecot } from './dovecot/dovecot-conf.ts';
import type { Fault } from './fault.ts';
import type { PathResolver } from './paths.ts';

/** Certificates above a client's: OpenSSL's limit. */
const DEPTH = 100;

export interface MailboxTerms {
  readonly terms: ServerTerms;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

export function readMailboxTerms(dovecot: Dovecot | undefined, paths: PathResolver): MailboxTerms {
  if (dovecot === undefined) return { terms: MODERN, faults: [], warnings: [] };
  const { tls, clientCertificates } = dovecot;
  const { authorities: file, asked, needsRevocationLists } = clientCertificates;
  if (asked === null || file === undefined) return { terms: tls, faults: [], warnings: [] };
  const { certificates, faults } = readAuthorities({ file, folder: undefined, withSystem: false }, paths);
  if (faults.length > 0) return { terms: tls, faults, warnings: [] };
  const path = paths.resolve(file.path);
  const revocationLists = needsRevocationLists ? revocationListsIn(path) : null;
  const terms = {
    ...tls,
    authorities: certificates,
    clientCertificates: { depth: DEPTH, revocationLists },
  };
  try {
    createSecureContext({ ca: [...certificates], crl: [...(revocationLists ?? [])] });
  } catch (error) {
    return { terms: tls, faults: [{ ...file.place, message: `${path}: ${messageOf(error)}` }], warnings: [] };
  }
  const warnings =
    revocationLists?.length === 0
      ? [
          {
            ...file.place,
            message: `${path}: no revocation list in it ("-----BEGIN X509 CRL-----"), so that no client's certificate is valid: append those of the authorities, or set ssl_require_crl = no`,
          },
        ]
      : [];
  return { terms, faults: [], warnings };
}

/** The certificate that the other side of a TLS connection showed. */
import type { X509Certificate } from 'node:crypto';

export interface ShownCertificate {
  readonly certificate: X509Certificate;
  /** Its chain ends at a certificate authority that we trust, and is valid now. */
  readonly trusted: boolean;
  /** Why not, in OpenSSL's words; '' for a trusted one. */
  readonly fault: string;
}

/**
 * A field of its subject, by OpenSSL's short name such as `CN`; the first one counts, as in Dovecot. '' if there is none,
 * and for one with control characters.
 */
export function subjectField(certificate: X509Certificate, name: string): string {
  const { subject } = certificate.toLegacyObject();
  const found: unknown = (subject as Readonly<Record<string, unknown>>)[name];
  const first: unknown = Array.isArray(found) ? found[0] : found;
  return typeof first === 'string' && !/[\0-\x1f\x7f]/.test(first) ? first : '';
}

/** The common name, of the subject or the issuer; '' if there is none. The last one counts, as in Postfix. */
export const commonName = (distinguishedName: string): string =>
  /(?:^|\n)CN=([^\n]*)(?![\s\S]*\nCN=)/.exec(distinguishedName)?.[1]?.replace(/\\(.)/g, '$1') ?? '';

/** The certificate that the other side of a TLS connection showed. */
import type { X509Certificate } from 'node:crypto';

export interface ShownCertificate {
  readonly certificate: X509Certificate;
  /** Its chain ends at a certificate authority that we trust, and is valid now. */
  readonly trusted: boolean;
  /** Why not, in OpenSSL's words; '' for a trusted one. */
  readonly fault: string;
}

/** The common name, of the subject or the issuer; '' if there is none. The last one counts, as in Postfix. */
export const commonName = (distinguishedName: string): string =>
  /(?:^|\n)CN=([^\n]*)(?![\s\S]*\nCN=)/.exec(distinguishedName)?.[1]?.replace(/\\(.)/g, '$1') ?? '';

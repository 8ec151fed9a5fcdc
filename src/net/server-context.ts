/** A server's keys, certificates and terms, as OpenSSL wants them. */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { ServerTerms } from '../protocol/tls/terms.ts';
import type { KeyPair } from './certificate-files.ts';

/** Throws if OpenSSL refuses something. */
export function serverContext(pairs: readonly KeyPair[], terms: ServerTerms): SecureContext {
  const { authorities, clientCertificates, sessionTimeout, secureOptions, ...rest } = terms;
  // A resumed session does not have the chain any more that the client showed at first.
  const resumes = sessionTimeout > 0 && clientCertificates === null;
  return createSecureContext({
    ...rest,
    cert: pairs.map(({ chain }) => chain),
    key: pairs.map(({ key }) => key),
    // Without a list, Node would trust all authorities of the platform.
    ca: [...authorities],
    crl: [...(clientCertificates?.revocationLists ?? [])],
    secureOptions: secureOptions | (resumes ? 0 : constants.SSL_OP_NO_TICKET),
    ...(resumes ? { sessionTimeout } : {}),
    sessionIdContext: 'posthorn',
  });
}

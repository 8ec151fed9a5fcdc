/**
 * What the certificate of a client is worth at its login, as in Dovecot 2.3: auth_ssl_require_client_cert,
 * auth_ssl_username_from_cert, and SASL EXTERNAL. Only a certificate that was asked for and verified counts.
 */
import type { LineConnection } from '../../net/connection.ts';
import { subjectField } from '../../protocol/tls/peer.ts';

export interface CertificateRules {
  /** Nobody logs in without a certificate. */
  readonly required: boolean;
  /** OpenSSL's name of the subject's field that is the user, whatever name is given; null where certificates name nobody. */
  readonly userField: string | null;
  /** EXTERNAL: `refuses` offers it, but it always fails, as in Dovecot without a passdb that takes no password. */
  readonly external: 'off' | 'refuses' | 'acts';
}

export const NO_CERTIFICATES: CertificateRules = { required: false, userField: null, external: 'off' };

export const MISSING_CERTIFICATE = "Client didn't present valid SSL certificate";

type Connected = Pick<LineConnection, 'tls'>;

export const lacksCertificate = ({ tls }: Connected, { required }: CertificateRules): boolean =>
  required && tls?.peer?.trusted !== true;

/** The user that its certificate names; '' for none. */
export function certificateUser({ tls }: Connected, { userField }: CertificateRules): string {
  return userField === null || tls?.peer?.trusted !== true ? '' : subjectField(tls.peer.certificate, userField);
}

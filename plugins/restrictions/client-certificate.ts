/** The certificate of a client: who it is to restrictions, access tables and policy services. */
import type { Connection } from '../../src/bus/plugin.ts';
import { fingerprintsOf } from '../../src/protocol/tls/fingerprint.ts';

/** Of the certificate, then of its key; none if the client showed no certificate. It need not be a trusted one. */
export function fingerprintKeys({ tls, parameters }: Connection): readonly string[] {
  if (tls === null || tls.peer === null) return [];
  const { certificate, publicKey } = fingerprintsOf(tls.peer.certificate, {
    digest: parameters.string('smtpd_tls_fingerprint_digest'),
    legacyKeys: parameters.boolean('tls_legacy_public_key_fingerprints'),
  });
  return [certificate, publicKey];
}

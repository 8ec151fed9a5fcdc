/** What the certificate of another server proves, for a policy (TLS_README, client security levels). */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { issuersOf } from '../../net/certificate-chain.ts';
import { fingerprintsOf, plainFingerprint } from '../../protocol/tls/fingerprint.ts';
import { commonName } from '../../protocol/tls/peer.ts';
import { matchesTlsa } from './dane-proof.ts';
import { isAuthenticating } from './tls-level.ts';
import type { TlsPolicy } from './tls-policy.ts';
import type { ClientTls } from './tls-settings.ts';

/** Postfix's words for the log. */
export type Trust = 'Anonymous' | 'Untrusted' | 'Trusted' | 'Verified';

export interface Proof {
  readonly trust: Trust;
  /** Why mail must not be sent, for the log after `verification failed for HOST: `; null if it may. */
  readonly fault: string | null;
}

/** `socket` after its handshake, without Node's own check of names. */
export function proofOf(socket: TLSSocket, policy: TlsPolicy, settings: ClientTls): Proof {
  const demanded = isAuthenticating(policy.level);
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined)
    return { trust: 'Anonymous', fault: demanded ? 'the server has no certificate' : null };
  if (policy.level === 'dane')
    return matchesTlsa(certificate, policy)
      ? { trust: 'Verified', fault: null }
      : { trust: 'Untrusted', fault: 'no matching DANE TLSA records' };
  const chainFault = chainFaultOf(socket, certificate, settings.depth);
  const trust: Trust = chainFault === null ? 'Trusted' : 'Untrusted';
  if (!demanded) return { trust, fault: null };
  if (policy.level === 'fingerprint') {
    const { certificate: whole, publicKey } = fingerprintsOf(certificate, settings.fingerprints);
    const matches = [whole, publicKey].some((fingerprint) => policy.fingerprints.has(plainFingerprint(fingerprint)));
    return matches ? { trust: 'Verified', fault: null } : { trust: 'Untrusted', fault: 'no matching fingerprint' };
  }
  if (chainFault !== null) return { trust, fault: chainFault };
  const matches = policy.names.some((name) => certificate.checkHost(name, { partialWildcards: false }) !== undefined);
  return matches ? { trust: 'Verified', fault: null } : { trust: 'Untrusted', fault: 'hostname mismatch' };
}

function chainFaultOf(socket: TLSSocket, certificate: X509Certificate, depth: number): string | null {
  if (!socket.authorized) return wordsFor(String(socket.authorizationError), certificate);
  return issuersOf(socket) > depth ? 'certificate chain too long' : null;
}

const SELF_SIGNED = new Set(['DEPTH_ZERO_SELF_SIGNED_CERT']);
const UNKNOWN_ISSUER = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function wordsFor(code: string, { issuer }: X509Certificate): string {
  if (SELF_SIGNED.has(code)) return 'self-signed certificate';
  if (UNKNOWN_ISSUER.has(code)) return `untrusted issuer /CN=${commonName(issuer)}`;
  return code.toLowerCase().replaceAll('_', ' ').replace('cert ', 'certificate ');
}

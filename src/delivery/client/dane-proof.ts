/** Whether a server's certificate is one that its TLSA records name (RFC 7672 section 3, RFC 7671 section 5). */
import { createHash, type X509Certificate } from 'node:crypto';
import { DIGESTS, type TlsaRecord, USAGE } from '../../protocol/dns/tlsa.ts';

/** What is looked at of a chain. */
const MOST_CERTIFICATES = 20;

/** `names`: one of them must be in a certificate that is known by its trust anchor. */
export function matchesTlsa(
  certificate: X509Certificate,
  { tlsa, names }: { readonly tlsa: readonly TlsaRecord[]; readonly names: readonly string[] },
): boolean {
  // Its name and its dates say nothing then: the record alone counts.
  if (tlsa.some((record) => record.usage === USAGE.endEntity && isMatch(record, certificate))) return true;
  const anchors = tlsa.filter(({ usage }) => usage === USAGE.trustAnchor);
  if (anchors.length === 0 || !names.some((name) => certificate.checkHost(name, HOST_RULES) !== undefined))
    return false;
  const now = Date.now();
  let below = certificate;
  if (!isInTime(below, now)) return false;
  for (let i = 0; i < MOST_CERTIFICATES; i += 1) {
    const above = below.issuerCertificate;
    if (above === undefined || !isIssuer(above, below) || !isInTime(above, now)) return false;
    if (anchors.some((record) => isMatch(record, above))) return true;
    below = above;
  }
  return false;
}

const HOST_RULES = { partialWildcards: false } as const;

const isIssuer = (above: X509Certificate, below: X509Certificate): boolean =>
  above.ca && below.checkIssued(above) && below.verify(above.publicKey);

const isInTime = ({ validFromDate, validToDate }: X509Certificate, now: number): boolean =>
  validFromDate.getTime() <= now && now <= validToDate.getTime();

function isMatch({ selector, matching, data }: TlsaRecord, certificate: X509Certificate): boolean {
  const octets = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: 'spki', format: 'der' });
  const digest = DIGESTS[matching] ?? null;
  const own = digest === null ? octets : createHash(digest.name).update(octets).digest();
  return own.toString('hex') === data;
}

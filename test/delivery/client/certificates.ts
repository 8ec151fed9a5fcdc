import { generate } from 'selfsigned';

/** A server's certificate of an authority. */
export async function certificates(host: string, more: { readonly isExpired?: boolean } = {}) {
  const authority = await generate([{ name: 'commonName', value: 'An authority' }], {
    keyType: 'ec',
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  });
  const now = Date.now();
  const server = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    notBeforeDate: new Date(now - 20 * 86_400_000),
    notAfterDate: new Date(now + (more.isExpired === true ? -10 : 10) * 86_400_000),
    ca: { key: authority.private, cert: authority.cert },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: host }] }],
  });
  return { authority: authority.cert, chain: `${server.cert}\n${authority.cert}`, key: server.private };
}

import { createHash, X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { expect, it } from 'vitest';
import { fingerprintsOf } from '../../../src/protocol/tls/fingerprint.ts';

it.each([
  ['rsa', { keySize: 2048 }],
  ['ec', {}],
] as const)('T1: the old fingerprint of an %s key is that of its bits alone', async (keyType, more) => {
  const { cert } = await generate([{ name: 'commonName', value: 'x' }], { keyType, ...more });
  const certificate = new X509Certificate(cert);
  const digest = (octets: Buffer): string => createHash('sha1').update(octets).digest('hex').toUpperCase();
  const { publicKey } = certificate;
  const jwk = publicKey.export({ format: 'jwk' });
  const bits =
    keyType === 'rsa'
      ? publicKey.export({ type: 'pkcs1', format: 'der' })
      : Buffer.concat([Buffer.from([4]), ...[jwk.x, jwk.y].map((part) => Buffer.from(part ?? '', 'base64url'))]);
  const made = (legacyKeys: boolean): string =>
    fingerprintsOf(certificate, { digest: 'sha1', legacyKeys }).publicKey.replaceAll(':', '');
  expect(made(true)).toBe(digest(bits));
  expect(made(false)).toBe(digest(publicKey.export({ type: 'spki', format: 'der' })));
});

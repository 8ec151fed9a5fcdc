/** Keys and signatures for tests of DKIM. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';

export interface TestKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const rsaKey = (modulusLength: number): TestKey => generateKeyPairSync('rsa', { modulusLength });
export const ed25519Key = (): TestKey => generateKeyPairSync('ed25519');

/** The TXT record of a key: RFC 6376 section 3.6.1, RFC 8463 section 4. */
export function keyRecord({ publicKey }: TestKey): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return publicKey.asymmetricKeyType === 'ed25519'
    ? `v=DKIM1; k=ed25519; p=${der.subarray(-32).toString('base64')}`
    : `v=DKIM1; k=rsa; p=${der.toString('base64')}`;
}

export interface Signing {
  readonly key: TestKey;
  readonly selector?: string;
  readonly domain?: string;
  readonly signTime?: string;
  readonly expires?: string;
  /** l= */
  readonly maxBodyLength?: number;
  readonly canonicalization?: string;
  /** h= */
  readonly headerList?: readonly string[];
}

/** The message with a signature above it. */
export async function signedBy(
  text: string,
  { key, selector = 's', domain = 'example.org', signTime = '2026-01-01T12:00:00Z', expires, ...more }: Signing,
): Promise<string> {
  const { canonicalization = 'relaxed/relaxed', maxBodyLength, headerList } = more;
  const options = {
    ...{ canonicalization, signTime: new Date(signTime) },
    ...(expires === undefined ? {} : { expires: new Date(expires) }),
    ...(headerList === undefined ? {} : { headerList }),
    signatureData: [
      {
        ...{ signingDomain: domain, selector, privateKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }) },
        ...(maxBodyLength === undefined ? {} : { maxBodyLength }),
      },
    ],
  };
  const { signatures } = await dkimSign(
    Buffer.from(text, 'latin1'),
    options as unknown as Parameters<typeof dkimSign>[1],
  );
  return signatures + text;
}

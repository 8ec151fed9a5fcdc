/** DKIM keys: made, and as the TXT record that publishes them (RFC 6376 section 3.6.1, RFC 8463 section 4). */
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

export const KEY_TYPES = ['rsa', 'ed25519'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** RFC 8301 section 3.2: at least 2048 should be used. A longer key does not fit into one answer without TCP. */
const RSA_BITS = 2048;
/** RFC 8301 section 3.2: shorter ones must not be used. */
const LEAST_RSA_BITS = 1024;

const generate = promisify(generateKeyPair);

/** A private key. */
export async function makeKey(type: KeyType): Promise<KeyObject> {
  const { privateKey } =
    type === 'rsa' ? await generate('rsa', { modulusLength: RSA_BITS }) : await generate('ed25519', {});
  return privateKey;
}

/** What is wrong with a private key; null: it can sign. */
export function keyFault(key: KeyObject): string | null {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return null;
  if (type !== 'rsa') return `it is a key for ${type}; expected is one for RSA or Ed25519`;
  const bits = details?.modulusLength ?? 0;
  return bits < LEAST_RSA_BITS ? `it has ${bits} bits; at least ${LEAST_RSA_BITS} are needed (RFC 8301)` : null;
}

/** The value of `p`, of a private or a public key. */
export function publicPart(key: KeyObject): string {
  const open = key.type === 'public' ? key : createPublicKey(key);
  if (key.asymmetricKeyType === 'rsa') return open.export({ type: 'spki', format: 'der' }).toString('base64');
  // RFC 8463 section 4: the 32 octets alone, which are the end of the usual form.
  return open.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
}

/** The text of the record. */
export const keyRecord = (key: KeyObject): string => `v=DKIM1; k=${key.asymmetricKeyType}; p=${publicPart(key)}`;

/** Where it is published; without the final dot. */
export const keyName = (domain: string, selector: string): string => `${selector}._domainkey.${domain}`;

/** `p` of a record's text, without white space; null: it is no record of a key. '': the key was revoked. */
export function publishedPart(text: string): string | null {
  const tags = new Map(
    text
      .slice(0, 10_000)
      .split(';')
      .map((tag) => {
        const at = tag.indexOf('=');
        return [tag.slice(0, Math.max(0, at)).trim(), tag.slice(at + 1).replace(/\s+/g, '')];
      }),
  );
  const version = tags.get('v');
  return version !== undefined && version !== 'DKIM1' ? null : (tags.get('p') ?? null);
}

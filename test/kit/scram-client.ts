/** A client of SCRAM (RFC 5802), for dialogs by hand: each part can be another one than it should be. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

export interface ClientOptions {
  readonly hash: 'sha1' | 'sha256';
  /** As it is written in the message. */
  readonly login: string;
  readonly password: string;
  readonly nonce?: string;
  /** `n,,` by default; what is sent first, and what is repeated in the last message where that is another. */
  readonly header?: string;
  readonly sentHeader?: string;
  readonly binding?: Buffer;
  readonly change?: (final: string) => string;
}

export interface ScramClient {
  readonly first: string;
  /** The last message, after the server's first one. */
  final(challenge: string): string;
  /** What the server must prove itself with. */
  verifier(challenge: string): string;
}

export function scramClient(options: ClientOptions): ScramClient {
  const {
    hash,
    login,
    password,
    nonce = 'fyko+d2lbbFgONRv9qkxdawL',
    header = 'n,,',
    binding = Buffer.alloc(0),
  } = options;
  const bare = `n=${login},r=${nonce}`;
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text, 'latin1').digest();
  const parts = (challenge: string) => {
    const [, whole = '', salt = '', iterations] = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(challenge) ?? [];
    const channel = Buffer.concat([Buffer.from(header, 'latin1'), binding]).toString('base64');
    const unproven = `c=${channel},r=${whole}`;
    const length = hash === 'sha1' ? 20 : 32;
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), length, hash);
    return { unproven, salted, signed: `${bare},${challenge},${unproven}` };
  };
  return {
    first: `${options.sentHeader ?? header}${bare}`,
    final(challenge) {
      const { unproven, salted, signed } = parts(challenge);
      const clientKey = hmac(salted, 'Client Key');
      const signature = hmac(createHash(hash).update(clientKey).digest(), signed);
      const proof = Buffer.from(clientKey.map((octet, at) => octet ^ (signature[at] ?? 0)));
      const final = `${unproven},p=${proof.toString('base64')}`;
      return options.change?.(final) ?? final;
    },
    verifier(challenge) {
      const { salted, signed } = parts(challenge);
      return `v=${hmac(hmac(salted, 'Server Key'), signed).toString('base64')}`;
    },
  };
}

/**
 * SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677), and bound to the TLS connection as …-PLUS: the client proves that
 * it knows the password, the server that it has its keys, and neither tells the other what it has.
 *
 * A client that could bind and was told that the server cannot is refused: somebody changed what the server offered.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { decodeSaslName, type Gs2Header, parseGs2Header } from './gs2-header.ts';
import {
  actsForItself,
  decodeResponse,
  EMPTY_CHALLENGE,
  type ExchangeContext,
  MALFORMED,
  NOT_AUTHORIZED,
  type SaslExchange,
  type SaslMechanism,
  type SaslStep,
  type SecretScheme,
} from './mechanism.ts';
import { digest, hmac, parseKeys, type ScramHash } from './scram-keys.ts';

/** Octets of a message: a name, its encoding and a nonce. */
const LONGEST = 4096;
/** Octets of the server's part of the nonce, before base64. */
const NONCE = 18;

/** The nonce of the server; a test gives that of an RFC. */
type Random = () => string;

const freshNonce: Random = () => randomBytes(NONCE).toString('base64');

function scram(hash: ScramHash, scheme: SecretScheme, binds: boolean, random: Random = freshNonce): SaslMechanism {
  return {
    name: binds ? `${scheme}-PLUS` : scheme,
    flags: ['mutual-auth'],
    ...(binds ? { binds } : {}),
    begin: (context) => new Exchange(hash, scheme, binds, random, context),
  };
}

/** RFC 7677 section 2 asks for this order. */
export const SCRAM: readonly SaslMechanism[] = [
  scram('sha256', 'SCRAM-SHA-256', true),
  scram('sha256', 'SCRAM-SHA-256', false),
  scram('sha1', 'SCRAM-SHA-1', true),
  scram('sha1', 'SCRAM-SHA-1', false),
];

/** @internal */
export const scramWithNonce = (hash: ScramHash, nonce: string): SaslMechanism =>
  scram(hash, hash === 'sha1' ? 'SCRAM-SHA-1' : 'SCRAM-SHA-256', false, () => nonce);

/** What is known between the two messages of the client. */
interface Begun {
  readonly header: Gs2Header;
  readonly bound: Buffer;
  readonly login: string;
  readonly clientFirst: string;
  readonly serverFirst: string;
  readonly nonce: string;
  readonly stored: string;
}

class Exchange implements SaslExchange {
  readonly #hash: ScramHash;
  readonly #scheme: SecretScheme;
  readonly #binds: boolean;
  readonly #random: Random;
  readonly #context: ExchangeContext;
  #begun: Begun | null = null;

  constructor(hash: ScramHash, scheme: SecretScheme, binds: boolean, random: Random, context: ExchangeContext) {
    this.#hash = hash;
    this.#scheme = scheme;
    this.#binds = binds;
    this.#random = random;
    this.#context = context;
  }

  next(response: Buffer | null): SaslStep {
    if (response === null) return EMPTY_CHALLENGE;
    if (response.length > LONGEST) return MALFORMED;
    return this.#begun === null ? this.#first(response.toString('latin1')) : this.#final(response, this.#begun);
  }

  /** `n,,n=maomao,r=…`; extensions may follow, and one that must be understood comes before the name. */
  #first(message: string): SaslStep {
    const header = parseGs2Header(message);
    if (header === null) return MALFORMED;
    const bound = this.#boundTo(header);
    if (bound === null) return NOT_AUTHORIZED;
    const clientFirst = message.slice(header.octets.length);
    const [, name = '', clientNonce = ''] =
      /^n=([^,]+),r=([\x21-\x2b\x2d-\x7e]{1,512})(?:,[a-zA-Z]=[^,\0]+)*$/.exec(clientFirst) ?? [];
    const login = decodeSaslName(name);
    if (login === null || login === '') return MALFORMED;
    if (!actsForItself(header.authzid, login)) return NOT_AUTHORIZED;
    return {
      kind: 'secret',
      login,
      scheme: this.#scheme,
      resume: (stored) => {
        const keys = parseKeys(this.#hash, stored);
        if (keys === null) return MALFORMED;
        const nonce = clientNonce + this.#random();
        const serverFirst = `r=${nonce},s=${keys.salt.toString('base64')},i=${keys.iterations}`;
        this.#begun = { header, bound, login, clientFirst, serverFirst, nonce, stored };
        return { kind: 'challenge', data: Buffer.from(serverFirst) };
      },
    };
  }

  /** What the client must be bound to; null if it must not go on. */
  #boundTo({ flag, binding }: Gs2Header): Buffer | null {
    if (this.#binds !== (flag === 'p')) return null;
    if (flag === 'y' && this.#context.offersBinding) return null;
    return flag === 'p' ? this.#context.channelBinding(binding) : Buffer.alloc(0);
  }

  /** `c=…,r=…,p=…` */
  #final(response: Buffer, { header, bound, login, clientFirst, serverFirst, nonce, stored }: Begun): SaslStep {
    const message = response.toString('latin1');
    const [, unproven = '', channel = '', repeated, proof = ''] =
      /^(c=([\w+/]+={0,2}),r=([\x21-\x2b\x2d-\x7e]+)(?:,[a-zA-Z]=[^,\0]+)*),p=([\w+/]+={0,2})$/.exec(message) ?? [];
    const keys = parseKeys(this.#hash, stored);
    const given = decodeResponse(proof);
    if (keys === null || repeated !== nonce || given?.length !== keys.storedKey.length) return MALFORMED;
    if (decodeResponse(channel)?.equals(Buffer.concat([header.octets, bound])) !== true) return NOT_AUTHORIZED;
    const signed = Buffer.from(`${clientFirst},${serverFirst},${unproven}`, 'latin1');
    const signature = hmac(this.#hash, keys.storedKey, signed);
    const clientKey = Buffer.from(given.map((octet, at) => octet ^ (signature[at] ?? 0)));
    return {
      kind: 'proven',
      login,
      holds: timingSafeEqual(digest(this.#hash, clientKey), keys.storedKey),
      final: Buffer.from(`v=${hmac(this.#hash, keys.serverKey, signed).toString('base64')}`),
    };
  }
}

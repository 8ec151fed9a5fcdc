/** Postfix's levels of TLS with other servers (TLS_README). */
import { ownValue } from '../../own-value.ts';

/** How a session is secured; `dane`: the certificate is known by TLSA records. */
export type TlsLevel = 'none' | 'may' | 'encrypt' | 'dane' | 'fingerprint' | 'verify' | 'secure';
/** As an administrator writes it: `dane` is `may` where there are no TLSA records; `dane-only` sends nothing then. */
export type AskedLevel = TlsLevel | 'dane-only';

const LEVELS: Readonly<Record<string, AskedLevel>> = {
  none: 'none',
  may: 'may',
  encrypt: 'encrypt',
  dane: 'dane',
  'dane-only': 'dane-only',
  fingerprint: 'fingerprint',
  verify: 'verify',
  secure: 'secure',
};

/** Throws for an unknown level. */
export function parseLevel(word: string, source: string): AskedLevel {
  const level = levelOf(word);
  if (level === undefined) throw new Error(`${source}: "${word}" is not one of ${Object.keys(LEVELS).join(', ')}`);
  return level;
}

export const levelOf = (word: string): AskedLevel | undefined => ownValue(LEVELS, word.toLowerCase());

/** The server's certificate decides whether mail is sent. */
export const isAuthenticating = (level: TlsLevel): level is 'dane' | 'fingerprint' | 'verify' | 'secure' =>
  level === 'dane' || isMatching(level);

/** The administrator says what the certificate must be. */
export const isMatching = (level: TlsLevel): level is 'fingerprint' | 'verify' | 'secure' =>
  level === 'fingerprint' || level === 'verify' || level === 'secure';

/** Postfix's levels of TLS with other servers (TLS_README). */
import { ownValue } from '../../own-value.ts';

export type TlsLevel = 'none' | 'may' | 'encrypt' | 'fingerprint' | 'verify' | 'secure';

const LEVELS: Readonly<Record<string, TlsLevel | 'dane'>> = {
  none: 'none',
  may: 'may',
  encrypt: 'encrypt',
  dane: 'dane',
  fingerprint: 'fingerprint',
  verify: 'verify',
  secure: 'secure',
};

/** Throws for an unknown level. */
export function parseLevel(word: string, source: string): TlsLevel | 'dane' {
  const level = levelOf(word);
  if (level === undefined) throw new Error(`${source}: "${word}" is not one of ${Object.keys(LEVELS).join(', ')}`);
  return level;
}

export const levelOf = (word: string): TlsLevel | 'dane' | undefined => ownValue(LEVELS, word.toLowerCase());

/** The server's certificate decides whether mail is sent. */
export const isAuthenticating = (level: TlsLevel): level is 'fingerprint' | 'verify' | 'secure' =>
  level === 'fingerprint' || level === 'verify' || level === 'secure';

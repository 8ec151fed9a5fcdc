/**
 * SASL mechanisms (RFC 4422) as pure state machines: responses in, steps out. How a step travels (334, `+ `)
 * and who checks the password is the protocol server's matter, so SMTP, IMAP and POP3 share them.
 */

export type SaslStep =
  /** Send it to the client, and give its answer to `next`. */
  | { readonly kind: 'challenge'; readonly data: Buffer }
  /**
   * Ask the authenticator: the exchange ends with its answer. The password is octets: clients are to send UTF-8, and
   * not all do.
   */
  | { readonly kind: 'password'; readonly login: string; readonly password: Buffer }
  /** The client broke the mechanism's rules; the reason is fit for a reply. */
  | { readonly kind: 'malformed'; readonly reason: string };

/** One run of a mechanism. */
interface SaslExchange {
  /** `response`: the client's decoded response; null at the start where it sent none with the command. */
  next(response: Buffer | null): SaslStep;
}

export interface SaslMechanism {
  readonly name: string;
  /** Sends the password itself: refused by `noplaintext` (smtpd_sasl_security_options). */
  readonly plaintext: boolean;
  begin(): SaslExchange;
}

/**
 * Longest login or password taken, octets: hashing has to stay cheap whatever is sent. IMAP LOGIN and POP3 PASS have it
 * too.
 */
export const MAX_FIELD = 1024;

/** A login name: UTF-8 without controls; null where it is not. */
export function decodeLogin(octets: Buffer): string | null {
  if (octets.length > MAX_FIELD) return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
    return /[\x00-\x1f\x7f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

/**
 * A password: any octets but NUL, compared as they are, so that two passwords that are no UTF-8 stay two; null where it
 * is none. (RFC 4616 asks for SASLprep, whose mappings real passwords do not need.)
 */
export const takePassword = (octets: Buffer): Buffer | null =>
  octets.length > MAX_FIELD || octets.includes(0) ? null : octets;

/** Strict base64 (RFC 4648 section 4) as SASL responses carry it; null where it is none. `=` is the empty response. */
export function decodeResponse(text: string): Buffer | null {
  if (text === '=') return Buffer.alloc(0);
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : null;
}

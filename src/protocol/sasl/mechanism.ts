/**
 * SASL mechanisms (RFC 4422) as pure state machines: responses in, steps out. How a step is transmitted (334, `+ `)
 * and who checks the password is left to the protocol server, so that SMTP, IMAP and POP3 share them.
 */

/** Send it to the client, and pass the response to `next`. */
export interface ChallengeStep {
  readonly kind: 'challenge';
  readonly data: Buffer;
}

/** The client violated the mechanism's protocol; the reason may be sent in a reply. */
export interface MalformedStep {
  readonly kind: 'malformed';
  readonly reason: string;
}

export type SaslStep =
  | ChallengeStep
  /**
   * Ask the authenticator, whose answer ends the exchange. The password is in octets: clients should send UTF-8, but
   * not all do.
   */
  | { readonly kind: 'password'; readonly login: string; readonly password: Buffer }
  | MalformedStep;

/** One exchange of a mechanism. */
interface SaslExchange<Step> {
  /** `response`: the client's decoded response; null at the start if the command had no initial response. */
  next(response: Buffer | null): Step;
}

export interface SaslMechanism<Step = SaslStep> {
  readonly name: string;
  /** Transmits the password itself: excluded by `noplaintext` (smtpd_sasl_security_options). */
  readonly plaintext: boolean;
  begin(): SaslExchange<Step>;
}

/**
 * Maximum length of a login name or password, octets: hashing must stay cheap whatever is sent. Also used by IMAP LOGIN
 * and POP3 PASS.
 */
export const MAX_FIELD = 1024;

/** A login name: UTF-8 without control characters; null if invalid. */
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
 * A password: any octets except NUL, compared unchanged, so that different passwords that are not UTF-8 remain
 * different; null if invalid. (RFC 4616 asks for SASLprep, whose mappings real passwords do not need.)
 */
export const takePassword = (octets: Buffer): Buffer | null =>
  octets.length > MAX_FIELD || octets.includes(0) ? null : octets;

/** Strict base64 (RFC 4648 section 4) as in SASL responses; null if invalid. `=` is the empty response. */
export function decodeResponse(text: string): Buffer | null {
  if (text === '=') return Buffer.alloc(0);
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : null;
}

/**
 * SASL mechanisms (RFC 4422) as pure state machines: responses in, steps out. How a step is transmitted (334, `+ `),
 * what is stored of an account and who decides is left to the protocol server, so that SMTP, IMAP and POP3 share them.
 */

/** Send it to the client, and pass the response to `next`. */
export interface ChallengeStep {
  readonly kind: 'challenge';
  readonly data: Buffer;
}

/** The client violated the mechanism's protocol; the reason may be sent in a reply. */
interface MalformedStep {
  readonly kind: 'malformed';
  readonly reason: string;
}

/** What is stored for a mechanism that never sees the password, by the name of Dovecot's password scheme. */
export type SecretScheme = 'SCRAM-SHA-1' | 'SCRAM-SHA-256' | 'CRAM-MD5';

/** Look up what is stored for the login, and pass it to `resume`. Unknown logins get something that looks alike. */
export interface SecretStep {
  readonly kind: 'secret';
  readonly login: string;
  readonly scheme: SecretScheme;
  /** `stored`: in Dovecot's form, without `{SCHEME}`. */
  resume(stored: string): ChallengeStep | ProvenStep | MalformedStep;
}

/** The client has shown, or not, that it knows the password. */
export interface ProvenStep {
  readonly kind: 'proven';
  readonly login: string;
  readonly holds: boolean;
  /** By which the server proves itself: sent after a success, before the last empty response. */
  readonly final: Buffer | null;
}

/** An access token of OAuth 2.0 that says who the client is. */
export interface TokenStep {
  readonly kind: 'token';
  readonly login: string;
  readonly token: string;
  /**
   * Sent if the token is refused, before the client's last response. `configuration`: the URL at which the client finds
   * who gives tokens (OpenID Connect Discovery); '' for none.
   */
  refusal(configuration: string): Buffer;
}

export type SaslStep =
  | ChallengeStep
  /**
   * Ask the authenticator, whose answer ends the exchange. The password is in octets: clients should send UTF-8, but
   * not all do.
   */
  | { readonly kind: 'password'; readonly login: string; readonly password: Buffer }
  /** A certificate says who it is; '' leaves that to the server. */
  | { readonly kind: 'external'; readonly authzid: string }
  | SecretStep
  | ProvenStep
  | TokenStep
  | MalformedStep;

/** What a mechanism may ask about the connection. */
export interface ExchangeContext {
  /** The octets that identify the TLS connection, by the type's registered name (RFC 5056); null if there are none. */
  channelBinding(type: string): Buffer | null;
  /** A mechanism with channel binding was offered: a client that believes otherwise was deceived (RFC 5802 section 6). */
  readonly offersBinding: boolean;
}

/** One exchange of a mechanism. */
export interface SaslExchange {
  /** `response`: the client's decoded response; null at the start if the command had no initial response. */
  next(response: Buffer | null): SaslStep;
}

/** As Dovecot tells Postfix, whose `smtpd_sasl_security_options` exclude by them. */
export type SecurityFlag = 'plaintext' | 'dictionary' | 'active' | 'mutual-auth';

export interface SaslMechanism {
  readonly name: string;
  readonly flags: readonly SecurityFlag[];
  /** Only within TLS, to which the proof is bound. */
  readonly binds?: true;
  begin(context: ExchangeContext): SaslExchange;
}

/** Transmits the password itself, or what serves as one: not over a connection that could be overheard. */
export const isPlaintext = ({ flags }: Pick<SaslMechanism, 'flags'>): boolean => flags.includes('plaintext');

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

/** Nobody acts for somebody else: an authorization identity must equal the login. */
export const actsForItself = (authzid: string, login: string): boolean =>
  authzid === '' || authzid.toLowerCase() === login.toLowerCase();

/** Strict base64 (RFC 4648 section 4) as in SASL responses; null if invalid. `=` is the empty response. */
export function decodeResponse(text: string): Buffer | null {
  if (text === '=') return Buffer.alloc(0);
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : null;
}

export const EMPTY_CHALLENGE: ChallengeStep = { kind: 'challenge', data: Buffer.alloc(0) };
export const MALFORMED: MalformedStep = { kind: 'malformed', reason: 'bad protocol / cancel' };
export const NOT_AUTHORIZED: MalformedStep = { kind: 'malformed', reason: 'authorization failure' };

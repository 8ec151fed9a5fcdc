/** Verifies logins: the single entry point for SMTP AUTH, IMAP LOGIN and POP3 PASS. */
import type { Account } from '../../mail/account.ts';
import type { SecretScheme } from '../../protocol/sasl/mechanism.ts';
import type { AccountEnd } from './account-watch.ts';

/** Who wants to log in, and from where. */
export interface Candidate {
  /** As the client gave it: `maomao` or `maomao@baidu.com`. */
  readonly login: string;
  readonly remoteIp: string;
  readonly protocol: 'smtp' | 'imap' | 'pop3' | 'http';
  /** Of SASL, in capitals: `PLAIN` for IMAP LOGIN, POP3 PASS and HTTP too. */
  readonly mechanism: string;
}

export interface Credentials extends Candidate {
  /** As received: UTF-8 from most clients, but any octets without NUL. */
  readonly password: Buffer;
}

/** What is stored of an account for a mechanism that does not see the password. */
export interface Secret {
  /** In Dovecot's form, without `{SCHEME}`; of no account, if there is none with that login and such a hash. */
  readonly stored: string;
  /** The account's whole hash, from which `stored` is; null if it is of no account. */
  readonly passwordHash: string | null;
}

/** `unavailable`: cannot be decided now; the client should try again. */
export type LoginResult =
  | { readonly ok: true; readonly account: Account }
  | { readonly ok: false; readonly reason: 'credentials' | 'unavailable' };

/** Nothing here rejects. A failure takes the same time for whatever reason. */
export interface Authenticator {
  /** An unknown login takes as long as a wrong password. May take half a minute, because attempts are throttled. */
  verify(credentials: Credentials): Promise<LoginResult>;
  /**
   * For `prove`. Whether the login exists cannot be seen from what is stored. Null if it cannot be looked up now.
   */
  secretOf(who: Candidate, scheme: SecretScheme): Promise<Secret | null>;
  /** The client has shown (`holds`) that it knows the password, or not. Throttled as `verify` is. */
  prove(who: Candidate, proof: { readonly secret: Secret | null; readonly holds: boolean }): Promise<LoginResult>;
  /** An access token says who the client is. Throttled as `verify` is. */
  judgeToken(who: Candidate, token: string): Promise<LoginResult>;
  /** Who it is has been proven without a password, by a certificate. */
  identify(who: Candidate): Promise<LoginResult>;
  /** Where clients find who gives tokens, told with a refusal; '' for nowhere. */
  readonly tokenConfiguration: string;
  /** Calls back once when the sessions of a logged-in account have to end; the returned function stops the watch. */
  watch(account: Account, onEnd: (why: AccountEnd) => void): () => void;
}

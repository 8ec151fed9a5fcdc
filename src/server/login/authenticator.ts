/** Verifies logins: the single entry point for SMTP AUTH, IMAP LOGIN and POP3 PASS. */
import type { Account } from '../../mail/account.ts';
import type { AccountEnd } from './account-watch.ts';

export interface Credentials {
  /** As the client gave it: `maomao` or `maomao@baidu.com`. */
  readonly login: string;
  /** As received: UTF-8 from most clients, but any octets without NUL. */
  readonly password: Buffer;
  readonly remoteIp: string;
  readonly protocol: 'smtp' | 'imap' | 'pop3' | 'http';
}

/** `unavailable`: cannot be decided now; the client should try again. */
export type LoginResult =
  | { readonly ok: true; readonly account: Account }
  | { readonly ok: false; readonly reason: 'credentials' | 'unavailable' };

export interface Authenticator {
  /**
   * Never rejects. An unknown login takes as long as a wrong password. May take half a minute, because attempts are
   * throttled.
   */
  verify(credentials: Credentials): Promise<LoginResult>;
  /** Calls back once when the sessions of a logged-in account have to end; the returned function stops the watch. */
  watch(account: Account, onEnd: (why: AccountEnd) => void): () => void;
}

/** Of mailbox servers. */
export interface MailboxAuthenticator extends Authenticator {
  /** Who it is has been proven without a password, by a certificate. Never rejects; a failure takes its time too. */
  identify(who: Omit<Credentials, 'password'>): Promise<LoginResult>;
}

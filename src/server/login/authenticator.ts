/** Who may log in: the one door for SMTP AUTH, IMAP LOGIN and POP3 PASS. */
import type { Account } from '../../mail/account.ts';
import type { AccountEnd } from './account-watch.ts';

export interface Credentials {
  /** As the client gave it: `maomao` or `maomao@baidu.com`. */
  readonly login: string;
  /** As it came: UTF-8 from most clients, but any octets without NUL. */
  readonly password: Buffer;
  readonly remoteIp: string;
  readonly protocol: 'smtp' | 'imap' | 'pop3' | 'http';
}

/** `unavailable`: the answer is not known now, the client should try again. */
export type LoginResult =
  | { readonly ok: true; readonly account: Account }
  | { readonly ok: false; readonly reason: 'credentials' | 'unavailable' };

export interface Authenticator {
  /**
   * Never rejects. Takes as long for an unknown login as for a wrong password. May take half a minute: attempts are
   * slowed down.
   */
  verify(credentials: Credentials): Promise<LoginResult>;
  /** Calls back once when sessions of an account that logged in have to end; the result ends the watch. */
  watch(account: Account, onEnd: (why: AccountEnd) => void): () => void;
}

/** Who may log in: the one door for SMTP AUTH, IMAP LOGIN and POP3 PASS. */
import type { Account } from '../mail/account.ts';

export interface Credentials {
  /** As the client gave it: `maomao` or `maomao@baidu.com`. */
  readonly login: string;
  readonly password: string;
  readonly remoteIp: string;
  readonly protocol: 'smtp' | 'imap' | 'pop3' | 'http';
}

/** `unavailable`: the answer is not known now, the client should try again. */
export type LoginResult = { readonly ok: true; readonly account: Account } | { readonly ok: false; readonly reason: 'credentials' | 'unavailable' };

export interface Authenticator {
  /** Never rejects. Takes as long for an unknown login as for a wrong password. */
  verify(credentials: Credentials): Promise<LoginResult>;
}

/** The states of a session (RFC 9051 section 3). */
import type { Account } from '../../mail/account.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';

export interface NotAuthenticated {
  readonly kind: 'not-authenticated';
}

export interface Authenticated {
  readonly kind: 'authenticated';
  readonly account: Account;
}

export interface Selected {
  readonly kind: 'selected';
  readonly account: Account;
  readonly mailbox: SelectedMailbox;
}

interface LoggedOut {
  readonly kind: 'logout';
}

export type SessionState = NotAuthenticated | Authenticated | Selected | LoggedOut;

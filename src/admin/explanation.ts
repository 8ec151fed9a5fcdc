/** What `posthorn explain` and `posthorn test route` ask about a message that does not exist, and what they learn. */
import type { TraceStep } from '../tracing.ts';

export interface Hypothetical {
  /** The client's address; null: no client, a local user submits the message (sendmail). */
  readonly client: string | null;
  readonly helo: string;
  readonly from: string;
  readonly to: readonly string[];
  /** Who is logged in; null: nobody. */
  readonly user: string | null;
  /** Header fields of the message. */
  readonly headers: readonly string[];
  /** The master.cf service; null: submission for a user, otherwise the first. */
  readonly service: string | null;
}

export interface Explanation {
  /** The service that was asked; null for a local user. */
  readonly service: string | null;
  /** What the client was taken for beside what was given. */
  readonly assumed: readonly string[];
  readonly steps: readonly TraceStep[];
  readonly destinations: readonly Destination[];
}

/** Where one copy would go. */
export interface Destination {
  readonly address: string;
  /** The addresses that led there, the one that was given first. */
  readonly way: readonly string[];
  /** local, virtual_alias, virtual_mailbox, relay, default; null: a table cannot be asked now. */
  readonly addressClass: string | null;
  readonly transport: string;
  readonly nexthop: string;
  /** It would wait on hold. */
  readonly held: boolean;
  /** The folder of an account here; null elsewhere. */
  readonly mailbox: string | null;
}

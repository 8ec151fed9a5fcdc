/**
 * A store that is only read, perhaps while a server writes it: what a copy and a check ask of it. Every Store is one.
 */
import type { StoreCheck } from './check.ts';
import type { ContentStore } from './content.ts';
import type { Directory } from './directory.ts';
import type { Expunged } from './expunged.ts';
import type { Mailboxes } from './mailboxes.ts';
import type { PluginStates } from './plugin-states.ts';
import type { Queue } from './queue.ts';
import type { Transfer } from './transfer.ts';

export interface StoreSource {
  readonly directory: Pick<Directory, 'list' | 'aliases' | 'domains'>;
  readonly mailboxes: Pick<Mailboxes, 'rows' | 'changes' | 'subscriptions'>;
  readonly expunged: Pick<Expunged, 'list'>;
  readonly content: Pick<ContentStore, 'read' | 'stream'>;
  readonly queue: Pick<Queue, 'list'>;
  readonly pluginStates: Pick<PluginStates, 'entries'>;
  readonly transfer: Pick<Transfer, 'mailboxRecords' | 'contentRecords' | 'uidValidity' | 'copyMark'>;
  readonly check: Pick<StoreCheck, 'contents' | 'inspect'>;
}

export interface OpenSource {
  readonly source: StoreSource;
  /** A server has it open and may change it. If not, none can begin to before it is closed. */
  readonly isServed: boolean;
  /** Null where it is served: what is derived may be made anew by whoever opens it. */
  readonly searchText: Mailboxes['searchText'] | null;
  close(): Promise<void>;
}

/**
 * Sessions that watch an account's changes. They are notified in the tick in which the answers of the commit arrive,
 * in commit order.
 */

import type { Log } from '../../../../log.ts';
import type { Change } from '../../../../mail/change.ts';
import { unpackStates } from '../../flags.ts';
import { Listeners } from '../../listeners.ts';
import type { PackedChange } from '../calls.ts';

export type Listener = (change: Change) => void;

export class Watchers {
  readonly #listeners = new Listeners<number, Change>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  add(account: number, listener: Listener): () => void {
    return this.#listeners.add(account, listener);
  }

  tell(changes: readonly PackedChange[]): void {
    for (const packed of changes) {
      const listeners = this.#listeners.of(packed.account);
      if (listeners === undefined) continue;
      const change = unpack(packed);
      for (const listener of listeners) {
        try {
          listener(change);
        } catch (error) {
          this.#log.error(
            { account: packed.account, error: (error as Error).message },
            'a session failed to process a mailbox change',
          );
        }
      }
    }
  }
}

function unpack(packed: PackedChange): Change {
  if (packed.kind === 'mailbox') return { kind: packed.kind, mailbox: packed.mailbox };
  if (packed.kind === 'expunge')
    return { kind: packed.kind, mailbox: packed.mailbox, uids: packed.uids, modseq: packed.modseq };
  return { kind: packed.kind, mailbox: packed.mailbox, messages: unpackStates(packed.states) };
}

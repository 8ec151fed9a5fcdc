/** Sessions that want to hear of an account's changes. They are told in the tick in which the commit's answers arrive, in its order. */

import type { Log } from '../../../../log.ts';
import type { Change } from '../../../../mail/change.ts';
import type { PackedChange } from '../calls.ts';
import { unpackStates } from '../flags.ts';

export type Listener = (change: Change) => void;

export class Watchers {
  readonly #byAccount = new Map<number, Set<Listener>>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  add(account: number, listener: Listener): () => void {
    // Of its own, so that one function may watch twice.
    const own: Listener = (change) => listener(change);
    const listeners = this.#byAccount.get(account) ?? new Set();
    this.#byAccount.set(account, listeners.add(own));
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#byAccount.get(account) === listeners) this.#byAccount.delete(account);
    };
  }

  tell(changes: readonly PackedChange[]): void {
    for (const packed of changes) {
      const listeners = this.#byAccount.get(packed.account);
      if (listeners === undefined) continue;
      const change = unpack(packed);
      for (const listener of listeners) {
        try {
          listener(change);
        } catch (error) {
          this.#log.error({ account: packed.account, error: (error as Error).message }, 'a session failed while it was told of a change');
        }
      }
    }
  }
}

function unpack(packed: PackedChange): Change {
  if (packed.kind === 'mailbox') return { kind: packed.kind, mailbox: packed.mailbox };
  if (packed.kind === 'expunge') return { kind: packed.kind, mailbox: packed.mailbox, uids: packed.uids, modseq: packed.modseq };
  return { kind: packed.kind, mailbox: packed.mailbox, messages: unpackStates(packed.states) };
}

/**
 * Changes in a mailbox that the store reported and the client has not been told yet.
 *
 * Guarantees: a change is reported once, even if the session made it itself; an older state never follows a newer one;
 * messages that came and went between two reports are not reported at all. Its size is bounded by that of the mailbox.
 */
import type { MessageState } from '../../mail/mailbox.ts';
import type { UidList } from './uid-list.ts';

export class News {
  /** What the client knows. */
  readonly #known: UidList;
  #appended: Set<number> | null = null;
  #changed: Map<number, MessageState> | null = null;
  #expunged: Set<number> | null = null;
  /**
   * Reported already because this session made the change, but the store's notification is still to come: UID to
   * MODSEQ.
   */
  #own: Map<number, number> | null = null;
  /** UIDs expunged without having been reported, collected during `catchUp`. */
  #passing: Set<number> | null = null;

  constructor(known: UidList) {
    this.#known = known;
  }

  /** False if the message is or was known. */
  append(uid: number): boolean {
    if (uid <= this.#known.last) return false;
    this.#appended ??= new Set();
    this.#appended.add(uid);
    return true;
  }

  /** False if it contains nothing new. */
  change(message: MessageState): boolean {
    const { uid, modseq } = message;
    const own = this.#own?.get(uid);
    if (own !== undefined) {
      if (modseq >= own) this.#own?.delete(uid);
      if (modseq <= own) return false;
    }
    if (modseq < (this.#changed?.get(uid)?.modseq ?? 0)) return false;
    this.#changed ??= new Map();
    this.#changed.set(uid, message);
    return true;
  }

  expunge(uids: readonly number[]): void {
    for (const uid of uids) {
      // Never reported; `catchUp` may be about to get it as it was before.
      if (this.#appended?.delete(uid) === true || this.#known.indexOf(uid) < 0) {
        this.#passing?.add(uid);
        continue;
      }
      this.#expunged ??= new Set();
      this.#expunged.add(uid);
    }
  }

  /** The session's own change, reported by its command: the store's notification of it must not be reported again. */
  own({ uid, modseq }: MessageState): void {
    const waiting = this.#changed?.get(uid);
    if (waiting !== undefined && waiting.modseq >= modseq) {
      if (waiting.modseq === modseq) this.#changed?.delete(uid);
      return;
    }
    this.#changed?.delete(uid);
    this.#own ??= new Map();
    this.#own.set(uid, modseq);
  }

  /** This state is being sent to the client: an older one must not follow. */
  told({ uid, modseq }: Pick<MessageState, 'uid' | 'modseq'>): void {
    if (this.#changed !== null && (this.#changed.get(uid)?.modseq ?? Number.POSITIVE_INFINITY) <= modseq)
      this.#changed.delete(uid);
  }

  /**
   * Reports messages read from the store in batches. One of them may be expunged already, and the store's notification
   * of that may arrive before the row does.
   */
  async catchUp(
    batches: AsyncIterable<readonly MessageState[]>,
    onEach: (message: MessageState) => void,
  ): Promise<void> {
    const gone = new Set<number>();
    this.#passing = gone;
    try {
      for await (const batch of batches) {
        for (const message of batch) if (!gone.has(message.uid) && this.append(message.uid)) onEach(message);
      }
    } finally {
      this.#passing = null;
    }
  }

  /** UIDs to be reported as expunged; nothing else is reported about them. */
  takeExpunged(): ReadonlySet<number> | null {
    const gone = this.#expunged;
    this.#expunged = null;
    for (const uid of gone ?? []) {
      this.#changed?.delete(uid);
      this.#own?.delete(uid);
    }
    return gone;
  }

  /** Ascending. */
  takeAppended(): readonly number[] {
    const uids = this.#appended;
    this.#appended = null;
    return uids === null ? [] : [...uids].sort((a, b) => a - b);
  }

  takeChanged(): Iterable<MessageState> {
    const changed = this.#changed;
    this.#changed = null;
    return changed === null ? [] : changed.values();
  }
}

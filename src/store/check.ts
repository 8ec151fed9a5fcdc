/**
 * What a check of a store needs of its backend, beside what all backends have in common (maintenance/check): the
 * backend's own checks, and the repair of what is derived from other data. Mail itself is never changed.
 */
import type { Id } from '../mail/account.ts';
import type { MessageIndex } from '../mail/message.ts';

export interface Finding {
  /** By which people find it: `xixi@baidu.com INBOX UID 4`. */
  readonly place: string;
  readonly problem: string;
  readonly mended: boolean;
}

/** The result of one check. */
export interface Inspection {
  /** What was looked at, in the plural. */
  readonly name: string;
  readonly checked: number;
  readonly wrong: number;
  readonly mended: number;
  /** The first of them. */
  readonly findings: readonly Finding[];
}

export interface StoreCheck {
  /** The backend's own checks, one after the other: files, references, sizes. */
  inspect(options: { readonly repair: boolean }): AsyncIterable<Inspection>;
  /** Every content to which rows or items refer, each once. */
  contents(): AsyncIterable<readonly Id[]>;
  /** Counts a mailbox's messages anew, and raises its UIDNEXT and MODSEQ to what they have. */
  recount(mailbox: Id): Promise<void>;
  /** Replaces what was prepared of a content. False, and nothing is changed, if not all of its octets are there. */
  putIndex(content: Id, index: MessageIndex): Promise<boolean>;
}

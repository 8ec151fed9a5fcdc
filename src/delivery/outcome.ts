/** What became of each recipient in one delivery attempt. */
import type { Reply } from '../mail/status.ts';
import type { QueueItem } from '../store/queue.ts';

export interface Outcome {
  readonly item: QueueItem;
  readonly status: 'sent' | 'deferred' | 'bounced';
  /** The codes, and the words for the log and for people. */
  readonly reply: Reply;
  /** As in the log: `mail.qq.com[127.0.1.128]:25`, `local`, `none`. */
  readonly relay: string;
  /** The other server's own words (RFC 3464 Diagnostic-Code), and its name; '' where none spoke. */
  readonly diagnostic: string;
  readonly remoteHost: string;
  /** The other server will send what notifications were asked for. */
  readonly notifies: boolean;
}

export interface Attempt {
  readonly outcomes: readonly Outcome[];
  /** Why the destination as a whole did not answer (connections refused, greetings of 4xx …), or null. */
  readonly hostFailure: Reply | null;
  /** Milliseconds spent on connecting and on sending. */
  readonly connecting: number;
  readonly sending: number;
  /** The dialog of a session that went wrong, bounded; '' otherwise. */
  readonly transcript: string;
}

/** The same fate for all, without any other server having spoken. */
export function unanimous(
  items: readonly QueueItem[],
  status: Outcome['status'],
  reply: Reply,
  relay: string,
): Attempt {
  const outcomes = items.map(
    (item): Outcome => ({ item, status, reply, relay, diagnostic: '', remoteHost: '', notifies: false }),
  );
  return { outcomes, hostFailure: null, connecting: 0, sending: 0, transcript: '' };
}

/** The outcome of one delivery attempt for each recipient. */
import type { Reply } from '../mail/status.ts';
import type { QueueItem } from '../store/queue.ts';
import type { Program } from './queue/program.ts';

export interface Outcome {
  readonly item: QueueItem;
  readonly status: 'sent' | 'deferred' | 'bounced';
  /** The codes, and the text for the log and for people. */
  readonly reply: Reply;
  /** As in the log: `mail.qq.com[127.0.1.128]:25`, `local`, `none`. */
  readonly relay: string;
  /** The other server's own reply (RFC 3464 Diagnostic-Code), and its name; '' if no server replied. */
  readonly diagnostic: string;
  readonly remoteHost: string;
  /** The other server is taken for the last one. */
  readonly isFinal?: true;
  /** The other server takes over the requested notifications. */
  readonly notifies: boolean;
}

export interface Attempt {
  readonly outcomes: readonly Outcome[];
  /** Why the destination as a whole failed (connection refused, 4xx greeting …), or null. */
  readonly hostFailure: Reply | null;
  /** Milliseconds spent on connecting and on sending. */
  readonly connecting: number;
  readonly sending: number;
  /** Nothing was tried: this server is the best MX, and other mail servers would send it back. */
  readonly isOurs?: true;
  /** Which of Postfix's programs would have done it; absent: that of the route. */
  readonly program?: Program;
  /** The dialog of a failed session, bounded; '' otherwise. */
  readonly transcript: string;
}

/** The same outcome for all items, without contact with another server. */
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

/** A probe in the form of a queue item, without content, for what delivers items. */
import type { Envelope, Recipient } from '../../mail/envelope.ts';
import type { QueueItem } from '../../store/queue.ts';

/** One question about one address. */
export interface Asked extends Pick<Envelope, 'reversePath' | 'smtputf8'> {
  readonly queueId: string;
  readonly recipient: Recipient;
  /** ms since 1970 UTC. */
  readonly began: number;
}

export const probeItem = (
  { queueId, reversePath, smtputf8, began }: Asked,
  { address, original, orcpt }: Recipient,
  destination: string,
): QueueItem => ({
  id: '',
  queueId,
  content: '',
  size: 0,
  recipient: address,
  original,
  notify: [],
  orcpt,
  destination,
  state: 'incoming',
  reversePath,
  ret: '',
  envid: '',
  smtputf8,
  body: '7BIT',
  arrivedAt: began,
  dueAt: began,
  attempts: 0,
  warned: false,
  lastReply: null,
  active: true,
});

/** The fields that most queue items do not have: what has them keeps them. */
import type { QueueItemDraft } from './queue.ts';

export type QueueExtras = Pick<QueueItemDraft, 'client' | 'verp' | 'reports'>;

export const queueExtras = ({ client, verp, reports }: QueueExtras): QueueExtras => ({
  ...(client === undefined ? {} : { client }),
  ...(verp === undefined ? {} : { verp }),
  ...(reports === undefined ? {} : { reports }),
});

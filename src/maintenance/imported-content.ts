/**
 * A message from elsewhere as a content of the store. The same octets are kept once, whoever has them, and a run that
 * was interrupted finds what it had brought: the queue ID is made of their digest.
 */
import { createHash } from 'node:crypto';
import type { Id } from '../mail/account.ts';
import type { Store } from '../store/store.ts';
import { draftOf } from './draft.ts';

export interface ImportedContent {
  readonly content: Id;
  readonly size: number;
  readonly sentAt: number | null;
}

interface Incoming {
  readonly octets: AsyncIterable<Buffer>;
  /** The queue ID for a digest (SHA-256, hexadecimal). */
  readonly queueIdOf: (digest: string) => string;
  readonly arrivedAt: number;
  readonly reversePath: string;
}

export async function importContent(
  { content, transfer }: Pick<Store, 'content' | 'transfer'>,
  { octets, queueIdOf, arrivedAt, reversePath }: Incoming,
): Promise<ImportedContent> {
  const finished = await draftOf(content, octets);
  const { index, size, digest } = finished;
  const queueId = queueIdOf(digest);
  const [known = null] = await transfer.contentsOf([queueId]);
  if (known !== null) {
    await finished.discard();
    return { content: known, size, sentAt: index.sentAt };
  }
  const envelope = { reversePath, ret: '', envid: '', smtputf8: false, body: '8BITMIME' } as const;
  const id = await transfer.putContent({ queueId, size, arrivedAt, envelope, index }, finished.draft);
  return { content: id, size, sentAt: index.sentAt };
}

/** Whether a content still has the octets that it was named by. */
export async function isIntact(
  { content, transfer }: Pick<Store, 'content' | 'transfer'>,
  id: Id,
  queueIdOf: Incoming['queueIdOf'],
): Promise<boolean> {
  const [record] = await transfer.contentRecords([id]);
  const hash = createHash('sha256');
  for await (const piece of content.stream(id)) hash.update(piece);
  return record?.queueId === queueIdOf(hash.digest('hex'));
}

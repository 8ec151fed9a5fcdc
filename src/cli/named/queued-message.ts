/** A queued message, in pieces: its envelope, then its octets. */
import type { ShownItem } from '../../admin/queue.ts';
import { operate, type PlaceOptions } from '../place.ts';

export interface QueuedMessage {
  /** Never empty. */
  readonly items: readonly [ShownItem, ...ShownItem[]];
  /** To be read once. */
  readonly octets: AsyncIterable<Buffer>;
}

/** Rejects with OperationError if the queue has no such message. */
export async function readQueued(where: PlaceOptions, queueId: string): Promise<QueuedMessage> {
  type Piece = { readonly items: QueuedMessage['items']; readonly octets: string; readonly next: number | null };
  const read = async (start: number): Promise<Piece> =>
    (await operate(where, 'queue.read', { queueId, start })) as Piece;
  const first = await read(0);
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let piece = first; ; piece = await read(piece.next)) {
      yield Buffer.from(piece.octets, 'base64');
      if (piece.next === null) return;
    }
  }
  return { items: first.items, octets: pieces() };
}

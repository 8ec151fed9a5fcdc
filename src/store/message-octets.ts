/** The octets of a message in a mailbox: its own trace lines, then its content. */
import type { ContentStore } from './content.ts';
import type { MessageRow } from './mailboxes.ts';

export async function* messageOctets(
  content: Pick<ContentStore, 'stream'>,
  { prefix, content: id }: Pick<MessageRow, 'prefix' | 'content'>,
): AsyncGenerator<Buffer, void> {
  if (prefix !== '') yield Buffer.from(prefix);
  yield* content.stream(id);
}

/** All of them at once. */
export async function wholeMessage(...given: Parameters<typeof messageOctets>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of messageOctets(...given)) pieces.push(piece);
  return Buffer.concat(pieces);
}

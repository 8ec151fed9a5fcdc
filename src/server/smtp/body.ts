/** Reads the body of a message from the connection into a sink, which may apply backpressure. */
import type { SocketLineConnection } from '../../net/line-connection.ts';
import type { BodyReader } from '../../protocol/smtp/body.ts';

/** Takes one piece of a body; a returned promise applies backpressure. */
export type BodySink = (part: Buffer) => Promise<void> | undefined;

/** Up to this many parts of one chunk are passed on without copying. */
const MANY_PARTS = 16;

/** True when the end of the body was found; what follows it stays unread. False if the input ended first. */
export async function receiveBody(
  wire: Pick<SocketLineConnection, 'readChunk' | 'unread'>,
  reader: BodyReader,
  sink: BodySink,
): Promise<boolean> {
  for (;;) {
    const chunk = await wire.readChunk();
    if (chunk === null) return false;
    const parts: Buffer[] = [];
    const end = reader.push(chunk, 0, parts);
    if (end >= 0) wire.unread(chunk.subarray(end));
    // A body of stuffed dots has one part per line: copying them once is cheaper than handling each.
    const pieces = parts.length > MANY_PARTS ? [Buffer.concat(parts)] : parts;
    const waits = pieces.map(sink).filter((wait) => wait !== undefined);
    if (waits.length > 0) await Promise.all(waits);
    if (end >= 0) return true;
  }
}

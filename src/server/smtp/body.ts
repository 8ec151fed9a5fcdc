/** Reads the body of a message from the wire into a sink, which may hold up the client. */
import type { SocketLineConnection } from '../../net/line-connection.ts';
import type { BodyReader } from '../../protocol/smtp/body.ts';

/** Takes one piece of a body; a promise holds up the client. */
export type BodySink = (part: Buffer) => Promise<void> | undefined;

/** Parts of one chunk that are passed on as they are. */
const MANY_PARTS = 16;

/** True when the body's end was found; what came behind it is left on the wire. False where the input ended first. */
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
    // A body of nothing but stuffed dots has a part for each line: they are cheaper copied once than handled one by
    // one.
    const pieces = parts.length > MANY_PARTS ? [Buffer.concat(parts)] : parts;
    const waits = pieces.map(sink).filter((wait) => wait !== undefined);
    if (waits.length > 0) await Promise.all(waits);
    if (end >= 0) return true;
  }
}

/** A bare IMAP client for measurements: parses as little as possible. */
import { connect, type Socket } from 'node:net';

export interface RawImap {
  readonly socket: Socket;
  /** Sends a command and resolves with everything up to its tagged line. */
  command(tag: string, text: string): Promise<Buffer>;
  /** Resolves when the given octets arrive. */
  until(marker: string): Promise<Buffer>;
}

export function openImap(port: number): Promise<RawImap> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let chunks: Buffer[] = [];
    let waiting: { readonly marker: string; resolve(octets: Buffer): void; reject(error: Error): void } | null = null;
    const look = (): void => {
      if (waiting === null || chunks.length === 0) return;
      // The marker is in the last line: only the end of the input is searched.
      const tail = `\r\n${Buffer.concat(chunks.slice(-4)).subarray(-16_384).toString('latin1')}`;
      if (!tail.includes(waiting.marker)) return;
      const all = Buffer.concat(chunks);
      chunks = [];
      waiting.resolve(all);
      waiting = null;
    };
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      look();
    });
    socket.on('error', (error) => {
      reject(error);
      waiting?.reject(error);
    });
    const until = (marker: string): Promise<Buffer> =>
      new Promise((done, failed) => {
        waiting = { marker, resolve: done, reject: failed };
        look();
      });
    socket.once('connect', () => {
      const client: RawImap = {
        socket,
        until,
        command: (tag, text) => {
          const answer = until(`\r\n${tag} `);
          socket.write(`${tag} ${text}\r\n`);
          return answer;
        },
      };
      until('* OK').then(() => resolve(client), reject);
    });
  });
}

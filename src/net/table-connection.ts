/**
 * The socket of a lookup table that queries another server (tcp_table(5), socketmap_table(5)): one request, one
 * answer, every wait limited.
 */
import { connect, type Socket } from 'node:net';

export interface TableSocket {
  write(data: Uint8Array): void;
  /** The next octets, or null at the end. Rejects on timeout. */
  read(): Promise<Buffer | null>;
  destroy(): void;
}

export type TableEndpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** `timeoutMs`: for connecting and for each wait for data afterwards. */
export function connectTable(endpoint: TableEndpoint, timeoutMs: number): Promise<TableSocket> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(endpoint);
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // The error that ends the socket rejects the pending read; this listener keeps one between two reads from ending
      // the process.
      socket.on('error', () => {});
      const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      resolve({
        write: (data) => void socket.write(data),
        read: async () => {
          const next = await chunks.next();
          return next.done === true ? null : next.value;
        },
        destroy: () => void socket.destroy(),
      });
    });
  });
}

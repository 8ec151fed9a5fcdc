/**
 * The socket of a lookup table that asks another server (tcp_table(5), socketmap_table(5)): one request, one answer,
 * every wait bounded.
 */
import { connect, type Socket } from 'node:net';

export interface TableSocket {
  write(data: Uint8Array): void;
  /** The next octets, or null at the end. Rejects when the time is over. */
  read(): Promise<Buffer | null>;
  destroy(): void;
}

export type TableEndpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** `timeoutMs`: for the connection and for each silence afterwards. */
export function connectTable(endpoint: TableEndpoint, timeoutMs: number): Promise<TableSocket> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(endpoint);
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // The pending read rejects with what ended the socket; this keeps a fault between two reads from ending the
      // process.
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

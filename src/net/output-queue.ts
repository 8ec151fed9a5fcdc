/**
 * Output that is collected and sent together: short pieces are copied into one segment (and one TLS
 * record), long ones are sent uncopied with one writev. Strings are latin1.
 */
import type { Socket } from 'node:net';

/** Pieces with a total length up to this are copied into one. */
const JOIN_LIMIT = 64 * 1024;

export class OutputQueue {
  #pieces: (string | Uint8Array)[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(data: string | Uint8Array): void {
    const last = this.#pieces.length - 1;
    const before = this.#pieces[last];
    if (typeof data === 'string' && typeof before === 'string') this.#pieces[last] = before + data;
    else this.#pieces.push(data);
    this.#length += data.length;
  }

  clear(): void {
    this.#pieces = [];
    this.#length = 0;
  }

  sendTo(socket: Socket): void {
    const pieces = this.#pieces;
    const length = this.#length;
    this.clear();
    const [first] = pieces;
    if (first === undefined || !socket.writable) return;
    if (pieces.length === 1) {
      send(socket, first);
    } else if (length <= JOIN_LIMIT) {
      socket.write(join(pieces, length));
    } else {
      socket.cork();
      for (const piece of pieces) send(socket, piece);
      socket.uncork();
    }
  }
}

function send(socket: Socket, piece: string | Uint8Array): void {
  if (typeof piece === 'string') socket.write(piece, 'latin1');
  else socket.write(piece);
}

function join(pieces: readonly (string | Uint8Array)[], length: number): Buffer {
  const whole = Buffer.allocUnsafe(length);
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === 'string') whole.write(piece, at, 'latin1');
    else whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

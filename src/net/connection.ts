/**
 * A connection of a line-based protocol, over clear text or TLS, read by pulling.
 *
 * Guarantees: nothing is read beyond the given limits; octets that came in clear text are thrown away
 * when TLS starts; a peer that does not read makes the writer wait; an idle peer is let go.
 */

export interface TlsInfo {
  readonly protocol: string;
  readonly cipher: string;
  readonly bits: number;
  readonly serverName: string;
}

/**
 * The peer sent a line longer than allowed. The rest of it was skipped up to `skipLimit`, or the connection must end.
 */
export class InputTooLongError extends Error {
  override readonly name = 'InputTooLongError';
  /** The first and the last octets of the line, a KiB of each at the most, without its line end. */
  readonly start: Buffer;
  readonly end: Buffer;
  /** The line's end was found: what comes next is another line. Otherwise the input counts as ended. */
  readonly complete: boolean;

  constructor(limit: number, line: { readonly start: Buffer; readonly end: Buffer; readonly complete: boolean }) {
    super(`a line longer than ${limit} octets`);
    this.start = line.start;
    this.end = line.end;
    this.complete = line.complete;
  }
}

export interface LineConnection {
  readonly id: string;
  readonly remote: { readonly ip: string; readonly port: number };
  readonly local: { readonly ip: string; readonly port: number };
  readonly tls: TlsInfo | null;
  /** Aborted when the connection is gone, whoever ended it. */
  readonly signal: AbortSignal;
  /** A line without its CRLF (a bare LF ends one too); null at the end of input. Throws InputTooLongError. */
  readLine(limit: number): Promise<Buffer | null>;
  /**
   * Exactly `length` octets, in pieces as they come; for literals. Ends early (and `signal` aborts) when the peer goes.
   */
  readBytes(length: number): AsyncIterable<Buffer>;
  /** A whole line is waiting already: replies may be gathered before they are written. */
  readonly hasLine: boolean;
  /** Queues octets; they go out in one piece when the current tick ends. Strings are written as latin1. */
  write(data: string | Uint8Array): void;
  /** Resolves when the peer has taken enough that more may be queued; at once where little is waiting. */
  drained(): Promise<void>;
  /**
   * Server side of STARTTLS/STLS: input buffered so far is discarded first. Rejects when the handshake fails or takes
   * too long.
   */
  startTls(): Promise<void>;
  /** How long the peer may be silent, ms. At the end `onIdle` is called (to say BYE) and the connection closed. */
  setIdleTimeout(ms: number, onIdle: () => void): void;
  /** Ends after what is queued has gone out (bounded by a few seconds). */
  close(): Promise<void>;
  destroy(): void;
}

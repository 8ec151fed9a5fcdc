/**
 * A connection of a line-based protocol, in clear text or over TLS, with pull-based reading.
 *
 * Guarantees: nothing is read beyond the given limits; octets received in clear text are discarded
 * when TLS starts; a peer that does not read makes the writer wait; an idle peer is disconnected.
 */
import type { ShownCertificate } from '../protocol/tls/peer.ts';
import type { End } from './ends.ts';

export interface TlsInfo {
  readonly protocol: string;
  readonly cipher: string;
  readonly bits: number;
  readonly serverName: string;
  /** That name if it chose another certificate than the default; '' otherwise. */
  readonly chosenBy: string;
  /** The client was asked for a certificate. */
  readonly isAsked: boolean;
  /** Null: it showed none. */
  readonly peer: ShownCertificate | null;
}

/**
 * The peer sent a line that is too long. Its rest was skipped up to `skipLimit`; beyond that the connection must end.
 */
export class InputTooLongError extends Error {
  override readonly name = 'InputTooLongError';
  /** The first and the last octets of the line, at most 1 KiB each, without its line end. */
  readonly start: Buffer;
  readonly end: Buffer;
  /** The end of the line was found, and reading continues with the next one. Otherwise the input counts as ended. */
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
  readonly remote: End;
  readonly local: End;
  /** A proxy passed the connection on, and its ends are known from there. */
  readonly isProxied: boolean;
  readonly tls: TlsInfo | null;
  /**
   * What identifies the TLS connection (RFC 5056), by the type's registered name: `tls-exporter` of TLS 1.3 (RFC 9266),
   * `tls-server-end-point` (RFC 5929). Null for other types, and where there is none.
   */
  channelBinding(type: string): Buffer | null;
  /** Aborted when the connection is closed, by either side. */
  readonly signal: AbortSignal;
  /** A line without its CRLF (a bare LF ends one too); null at the end of input. Throws InputTooLongError. */
  readLine(limit: number): Promise<Buffer | null>;
  /**
   * Exactly `length` octets, in pieces as received; for literals. Ends early (and `signal` aborts) if the peer leaves.
   */
  readBytes(length: number): AsyncIterable<Buffer>;
  /** A complete line is already buffered: replies may be collected before they are written. */
  readonly hasLine: boolean;
  /** Queues octets, which are sent together at the end of the current tick. Strings are written as latin1. */
  write(data: string | Uint8Array): void;
  /** Resolves when the peer has read enough that more may be queued; at once if little is queued. */
  drained(): Promise<void>;
  /**
   * Server side of STARTTLS/STLS: first discards buffered input. Rejects when the handshake fails or takes too long.
   */
  startTls(): Promise<void>;
  /** How long the peer may be silent, ms. Then `onIdle` is called (to send BYE) and the connection closed. */
  setIdleTimeout(ms: number, onIdle: () => void): void;
  /** Ends after queued output was sent (within a few seconds). */
  close(): Promise<void>;
  destroy(): void;
}

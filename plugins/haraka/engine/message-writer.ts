/** Writes a received message into Haraka's transaction, line by line, as its own DATA does. */
import type { Haraka, HarakaConnection } from './haraka.ts';
import type { HeaderLog } from './header-log.ts';

const LF = 0x0a;
const DOT = Buffer.from('.');

export class MessageWriter {
  readonly #haraka: Haraka;
  readonly #connection: HarakaConnection;
  readonly #log: HeaderLog;
  #rest: Buffer = Buffer.alloc(0);
  #refusal: string | null = null;

  constructor(haraka: Haraka, connection: HarakaConnection, log: HeaderLog) {
    this.#haraka = haraka;
    this.#connection = connection;
    this.#log = log;
    // Plugins expect this server's own field on top; it is not taken back from here.
    if (haraka.connectionConfig.headers?.add_received !== false)
      this.#addLine(Buffer.from(`Received: ${connection.received_line()}\r\n`));
  }

  write(octets: Uint8Array): void {
    const all = this.#rest.length === 0 ? Buffer.from(octets) : Buffer.concat([this.#rest, octets]);
    let from = 0;
    for (let end = all.indexOf(LF); end >= 0; end = all.indexOf(LF, from)) {
      this.#addLine(all.subarray(from, end + 1));
      from = end + 1;
    }
    this.#rest = all.subarray(from);
  }

  /** Why the message is refused; null if it is whole. */
  async end(): Promise<string | null> {
    if (this.#rest.length > 0) this.#addLine(Buffer.concat([this.#rest, Buffer.from('\r\n')]));
    const { transaction } = this.#connection;
    if (this.#refusal !== null || transaction === null) return this.#refusal;
    this.#connection.totalbytes += transaction.data_bytes;
    this.#log.isRead = true;
    if (this.#haraka.connectionConfig.headers?.clean_auth_results !== false) this.#connection.auth_results_clean();
    this.results();
    await new Promise<void>((resolve) => transaction.end_data(resolve));
    return null;
  }

  /** Writes the Authentication-Results that plugins have given so far. */
  results(): void {
    const { transaction } = this.#connection;
    const found = this.#connection.auth_results();
    if (transaction === null || found === '') return;
    transaction.remove_header('Authentication-Results');
    transaction.add_leading_header('Authentication-Results', found);
  }

  #addLine(line: Buffer): void {
    const { transaction } = this.#connection;
    if (transaction === null || this.#refusal !== null) return;
    const { mime_parts: most = 1000 } = this.#haraka.connectionConfig.max ?? {};
    if (transaction.mime_part_count >= most) {
      this.#refusal = 'Transaction failed due to too many MIME parts';
      return;
    }
    transaction.data_bytes += line.length;
    // As it comes over the wire (RFC 5321 section 4.5.2).
    transaction.add_data(line[0] === DOT[0] ? Buffer.concat([DOT, line]) : line);
    if (transaction.found_hb_sep) this.#log.isRead = true;
  }
}

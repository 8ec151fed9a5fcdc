/**
 * A message being received by APPEND. A bare LF becomes CRLF and every other octet is kept, including a stray CR, as in
 * Dovecot (protocol/mime treats neither as a line end). What does not fit into one chunk goes to the store's spool, and
 * its index is built as the octets pass.
 */
import type { MessageIndex } from '../../mail/message.ts';
import { MessageIndexer } from '../../protocol/mime/indexer.ts';
import { LineEndFilter } from '../../protocol/mime/line-end.ts';
import { CHUNK_SIZE, type ContentDraft, type ContentStore, type Spool } from '../../store/content.ts';

const MANY_PIECES = 512;

export class AppendIntake {
  readonly #content: Pick<ContentStore, 'spool'>;
  readonly #indexer = new MessageIndexer();
  readonly #lines = new LineEndFilter({ strayCr: 'keep' });
  #held: Uint8Array[] = [];
  #heldLength = 0;
  #spool: Spool | null = null;

  constructor(content: Pick<ContentStore, 'spool'>) {
    this.#content = content;
  }

  async write(chunk: Buffer): Promise<void> {
    await this.#put(this.#lines.push(chunk));
  }

  async #put(octets: Uint8Array): Promise<void> {
    if (this.#spool !== null) {
      this.#indexer.write(octets);
      return this.#spool.write(octets);
    }
    this.#held.push(octets);
    this.#heldLength += octets.length;
    // A client sending octet by octet must not cost one object per octet.
    if (this.#held.length > MANY_PIECES) this.#held = [Buffer.concat(this.#held)];
    if (this.#heldLength <= CHUNK_SIZE) return;
    this.#spool = this.#content.spool();
    const held = Buffer.concat(this.#held);
    this.#held = [];
    this.#indexer.write(held);
    await this.#spool.write(held);
  }

  async finish(): Promise<{ readonly content: ContentDraft; readonly index: MessageIndex | null }> {
    const rest = this.#lines.end();
    if (rest.length > 0) await this.#put(rest);
    if (this.#spool !== null) return { content: await this.#spool.finish(), index: this.#indexer.end() };
    return { content: { kind: 'inline', bytes: Buffer.concat(this.#held) }, index: null };
  }

  async discard(): Promise<void> {
    this.#held = [];
    await this.#spool?.discard();
  }
}

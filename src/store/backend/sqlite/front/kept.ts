/** Expunged messages that are kept: how long, who they are, and bringing them back. */
import type { Log } from '../../../../log.ts';
import type { Id } from '../../../../mail/account.ts';
import type { Expunged, ExpungedMessage } from '../../../expunged.ts';
import { listFlags } from '../../flags.ts';
import type { KeptPlace, Read, WriterCalls } from '../calls.ts';
import type { Link } from './link.ts';

/** How often those go whose time is over, ms. */
const EVERY = 60_000;

export class Kept implements Expunged {
  readonly list: Expunged['list'];
  readonly #writer: Pick<Link<WriterCalls>, 'call'>;
  readonly #log: Log;
  readonly #clock: () => number;
  /** Null: not told yet. */
  #ms: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    writer: Pick<Link<WriterCalls>, 'call'>,
    read: Read,
    { log, clock }: { readonly log: Log; readonly clock: () => number },
  ) {
    this.#writer = writer;
    this.#log = log;
    this.#clock = clock;
    this.list = createKeptReads(read).list;
  }

  keepFor(ms: number): void {
    this.#ms = ms;
    void this.#drop();
  }

  /** The time to which messages are marked that are expunged now; null: they are not kept. */
  now(): number | null {
    return (this.#ms ?? 0) > 0 ? this.#clock() : null;
  }

  restore(messages: readonly Id[], mailbox: Id): Promise<number> {
    return this.#writer.call('restoreKept', { messages: messages.map(Number), mailbox: Number(mailbox) });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** In steps: between two of them the writer does what is waiting. */
  async #drop(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      for (let more = true; more && !this.#closed; )
        more = await this.#writer.call('dropKept', { until: this.#clock() - (this.#ms ?? 0) });
    } catch (error) {
      if (!this.#closed) this.#log.warn({ err: error }, 'expunged messages whose time is over stay for now');
    }
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#drop(), EVERY).unref();
  }
}

export const createKeptReads = (read: Read): Pick<Expunged, 'list'> => ({
  async *list(account) {
    for (let after: KeptPlace | null = [0, 0, 0]; after !== null; ) {
      const page: Awaited<ReturnType<typeof read<'listKept'>>> = await read('listKept', {
        account: Number(account),
        after,
      });
      yield page.messages.map(
        ({ mask, keywords, ...message }): ExpungedMessage => ({
          ...message,
          flags: listFlags(mask, keywords),
        }),
      );
      after = page.next;
    }
  },
});

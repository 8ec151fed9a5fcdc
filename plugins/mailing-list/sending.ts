/** Posts on their way to members: durable in the queue, each piece once, also if it has to be begun again. */
import { createHash } from 'node:crypto';
import type { Server } from '../../src/bus/plugin.ts';
import type { Address } from '../../src/mail/address.ts';
import { addressOf, type List } from './list.ts';
import { all, type Message } from './message.ts';
import { linkOf, withListFields } from './post.ts';
import type { Signatures } from './signatures.ts';

/** Recipients of one queued message: what `server.send` takes. */
const PIECE = 1_000;
const DAY = 86_400;
/** A bounce of our own queue comes within this time. */
const SENT_LIFE = 14 * DAY;

export interface SendingOptions {
  /** Where members find their links; undefined: there are none. */
  readonly url: string | undefined;
  /** Up to so many readers get a copy of their own, with a link. */
  readonly personalUpTo: number;
}

export class Sending {
  readonly #server: Pick<Server, 'send' | 'state' | 'clock'>;
  readonly #signatures: Signatures;
  readonly #options: SendingOptions;

  constructor(server: Pick<Server, 'send' | 'state' | 'clock'>, signatures: Signatures, options: SendingOptions) {
    this.#server = server;
    this.#signatures = signatures;
    this.#options = options;
  }

  /** Whether a message with this key went to all of them before. */
  async isDone(list: List, key: string): Promise<boolean> {
    return (await this.#server.state.get<Progress>(progressKey(list, key)))?.done === true;
  }

  /** Resolves when all copies are in the queue. Rejects with an Error; then the next call goes on where this one ended. */
  async send(list: List, message: Message, readers: readonly Address[], key: string): Promise<void> {
    const { url, personalUpTo } = this.#options;
    const progress = progressKey(list, key);
    const isPersonal = url !== undefined && readers.length <= personalUpTo;
    const size = isPersonal ? 1 : PIECE;
    const shared = isPersonal ? null : withListFields(list, message, null);
    // Of other readers than those of the first try nothing is known: rather a copy twice than none.
    const of = createHash('sha256').update(readers.join('\n')).digest('hex').slice(0, 16);
    const known = await this.#server.state.get<Progress>(progress);
    if (known?.done === true) return;
    for (let next = known?.of === of ? known.next : 0; next < readers.length; next += size) {
      const piece = readers.slice(next, next + size);
      await this.#put(list, shared ?? (await this.#personal(list, message, piece[0] ?? '')), piece);
      await this.#keep(progress, { of, next: next + size, done: false });
    }
    await this.#keep(progress, { of, next: readers.length, done: true });
  }

  async #keep(key: string, progress: Progress): Promise<void> {
    await this.#server.state.set(key, progress, { expires: DAY });
  }

  async #personal(list: List, message: Message, member: Address): Promise<Buffer> {
    const link = linkOf(this.#options.url ?? '', list, member, await this.#signatures.unsubscribe(list, member));
    return withListFields(list, message, link);
  }

  async #put(list: List, octets: Buffer, to: readonly Address[]): Promise<void> {
    const from = addressOf(list, 'bounces', await this.#signatures.bounce(list, this.#server.clock()));
    const queueId = await this.#server.send({ from, to, message: octets });
    await this.#server.state.set(sentKey(queueId), list.address, { expires: SENT_LIFE });
  }
}

type Progress = { readonly of: string; readonly next: number; readonly done: boolean };

const progressKey = ({ address }: List, key: string): string => `posted:${address}:${key}`;

/** Of what list a message in our own queue is. */
export const sentKey = (queueId: string): string => `sent:${queueId}`;

/** The same for a message that is sent again: what servers on its way add does not count. */
export function keyOf(message: Message): string {
  const hash = createHash('sha256');
  for (const name of ['message-id', 'date', 'from', 'subject']) hash.update(`${all(message, name).join('\n')}\0`);
  return hash.update(message.body).digest('hex').slice(0, 40);
}

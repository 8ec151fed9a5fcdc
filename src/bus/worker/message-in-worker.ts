/** Worker: the parts of data_post that are not data (`content` and `change`), each operation done by the server. */
import type { MessageChange } from '../hook.ts';
import { type Piece, readOctets, type Streams } from './streams.ts';
import type { Uplink } from './uplink.ts';

export function contentOver(uplink: Uplink): AsyncIterable<Buffer> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* octetsOf(uplink, await uplink.request('content.open'));
    },
  };
}

/** What the server offers by this number. */
const octetsOf = (uplink: Uplink, number: unknown): AsyncIterable<Buffer> =>
  readOctets(
    () => uplink.request('stream.next', number),
    () => uplink.request('stream.stop', number),
  );

export interface ChangeOptions {
  readonly uplink: Uplink;
  /** What the server reads from here. */
  readonly streams: Streams;
  /** Hears what is new in the transaction: its header. */
  readonly onTransaction: (packed: unknown) => void;
}

export function changeOver({ uplink, streams, onTransaction }: ChangeOptions): MessageChange {
  const change = (...args: readonly unknown[]): unknown => {
    const [result, transaction] = uplink.now('change', ...args) as readonly unknown[];
    onTransaction(transaction);
    return result;
  };
  return {
    addHeader: (name, value) => void change('addHeader', name, value),
    replaceHeader: (name, value) => void change('replaceHeader', name, value),
    removeHeader: (name, value) => change('removeHeader', name, value) as number,
    renameHeader: (name, to) => change('renameHeader', name, to) as number,
    async replaceBody(transform) {
      // Begins when the server reads; by then it has the body that is to be replaced.
      const made = async function* (): AsyncGenerator<Piece, void> {
        yield* transform(octetsOf(uplink, await uplink.request('body.source', number)));
      };
      const number: number = streams.open(made());
      await uplink.request('body.replace', number);
    },
    get changed() {
      return uplink.now('changed') as MessageChange['changed'];
    },
  };
}

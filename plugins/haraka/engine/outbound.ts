/** Mail that plugins send by Haraka's `outbound` goes into the server's queue. */
import type { FromEngine } from '../messages.ts';
import type { Haraka } from './haraka.ts';
import { repliedText } from './replied-text.ts';

type Done = (code: number, text: string) => void;

interface Outbound {
  /** The server has taken mail, or says why not. */
  sent(id: number, failure: string | null): void;
}

export function takeOutbound({ outbound, constants }: Haraka, tell: (message: FromEngine) => void): Outbound {
  const waiting = new Map<number, Done>();
  let last = 0;
  outbound['send_email'] = (from: unknown, to: unknown, contents: unknown, done: Done = () => {}): void => {
    last += 1;
    waiting.set(last, done);
    const message = Buffer.isBuffer(contents) ? contents : Buffer.from(repliedText(contents).text);
    tell({ kind: 'send', id: last, from: addressOf(from), to: [to].flat().map(addressOf), message });
  };
  outbound['send_trans_email'] = (_transaction: unknown, done: Done = () => {}): void =>
    done(constants['deny'] ?? 0, "a transaction cannot be sent: the queue is Posthorn's; use outbound.send_email");
  return {
    sent(id, failure) {
      const done = waiting.get(id);
      waiting.delete(id);
      done?.(constants[failure === null ? 'ok' : 'denysoft'] ?? 0, failure ?? 'Message Queued');
    },
  };
}

/** An Address, or a text with or without its brackets. */
function addressOf(given: unknown): string {
  const { address } = Object(given) as { readonly address?: unknown };
  return (typeof address === 'string' ? address : repliedText(given).text).replace(/^<(.*)>$/, '$1');
}

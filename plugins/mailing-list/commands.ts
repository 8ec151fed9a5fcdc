/** What a message to LIST-request, LIST-subscribe, LIST-unsubscribe or LIST-confirm asks for. */
import { decodeWords } from '../../src/protocol/mime/encoded-word.ts';
import type { Action } from './confirmations.ts';
import type { Place } from './list.ts';
import { first, type Message } from './message.ts';

export type Command = Exclude<Action, 'resume'> | 'help' | 'who' | 'confirm';

const WORDS: Readonly<Record<string, Command>> = {
  subscribe: 'subscribe',
  join: 'subscribe',
  unsubscribe: 'unsubscribe',
  leave: 'unsubscribe',
  help: 'help',
  who: 'who',
  'set digest on': 'digest on',
  'set digest off': 'digest off',
};

const MOST_LINES = 20;

/** `help` where nothing is understood. */
export function commandOf({ role }: Place, message: Message): Command {
  if (role === 'subscribe' || role === 'unsubscribe' || role === 'confirm') return role;
  const subject = decodeWords(first(message, 'subject') ?? '').replace(/^re:\s*/i, '');
  const lines = message.body.subarray(0, 4096).toString('latin1').split('\r\n').slice(0, MOST_LINES);
  for (const text of [subject, ...lines]) {
    const words = text.trim().toLowerCase().replace(/\s+/g, ' ');
    if (Object.hasOwn(WORDS, words)) return WORDS[words] ?? 'help';
  }
  return 'help';
}

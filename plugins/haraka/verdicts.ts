/** Haraka's answers as verdicts: its code, and the texts that it says where a plugin gives none. */
import { DISCONNECT, NEXT, type Reply, reply, type Verdict } from '../../src/bus/plugin.ts';
import type { Answer } from './messages.ts';

/** Haraka's replies to a refusal without a text, for good and for now. */
interface Words {
  readonly deny: readonly [number, string];
  readonly soft: readonly [number, string];
  /** The codes where the connection ends with the refusal, if they are others: for good, and for now. */
  readonly ending?: readonly [number, number];
}

const words = (deny: number, soft: number, text: string, softText = text): Words => ({
  deny: [deny, text],
  soft: [soft, softText],
});

const WORDS = {
  connect: words(554, 421, 'Your mail is not welcome here', 'Come back later'),
  helo: words(550, 450, 'HELO denied'),
  ehlo: words(550, 450, 'EHLO denied'),
  mail: words(550, 450, 'sender denied'),
  rcpt: words(550, 450, 'recipient denied'),
  data: words(554, 451, 'Message denied'),
  data_post: words(550, 450, 'Message denied', 'Message denied temporarily'),
  queue: words(550, 450, 'Message denied', 'Message denied temporarily'),
  vrfy: words(550, 450, 'Access Denied', 'Lookup Failed'),
  noop: words(500, 450, 'Stop wasting my time'),
  unrecognized_command: { ...words(500, 450, 'Unrecognized command'), ending: [521, 421] },
} satisfies Record<string, Words>;

export type AskedHook = keyof typeof WORDS;

/** Replies are limited by the bus, too; a plugin's text may be anything. */
const LONGEST_TEXT = 1_900;
const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)/;

/** OK of Haraka's plugins ends Haraka's list alone: what the server and its other plugins say still counts. */
export function verdictOf(hook: AskedHook, answer: Answer): Verdict {
  const { deny, soft, ending = [deny[0], soft[0]] }: Words = WORDS[hook];
  const last = answer.said.at(-1);
  if (answer.disconnect) return disconnected(answer);
  switch (answer.verdict) {
    case 'DENY':
      return { code: 'DENY', reply: replyOf(answer, deny) };
    case 'DENYDISCONNECT':
      return { code: 'DENYDISCONNECT', reply: replyOf(answer, [ending[0], deny[1]]) };
    case 'DENYSOFT':
      return { code: 'DENYSOFT', reply: replyOf(answer, soft) };
    case 'DENYSOFTDISCONNECT':
      return { code: 'DENYSOFTDISCONNECT', reply: replyOf(answer, [ending[1], soft[1]]) };
    case 'DISCONNECT':
      return hook === 'connect' ? { code: 'DENYDISCONNECT', reply: replyOf(answer, deny) } : DISCONNECT;
    default:
      return last !== undefined && last.code >= 400 ? refusing(last.code, makeReply(last.code, last.text)) : NEXT;
  }
}

/** A plugin ended the connection, perhaps with a reply of its own. */
function disconnected({ said }: Answer): Verdict {
  const last = said.at(-1);
  if (last === undefined || last.code < 400) return DISCONNECT;
  const reply = makeReply(last.code, last.text);
  return { code: last.code < 500 ? 'DENYSOFTDISCONNECT' : 'DENYDISCONNECT', reply };
}

const refusing = (code: number, reply: Reply): Verdict => ({ code: code < 500 ? 'DENYSOFT' : 'DENY', reply });

/** A DSN has a code of its own. One of the other kind would change the verdict, and the hook's code is said. */
function replyOf({ code, text }: Answer, [usual, words]: readonly [number, string]): Reply {
  const said = code !== null && Math.floor(code / 100) === Math.floor(usual / 100) ? code : usual;
  return makeReply(said, text === '' ? words : text);
}

/** A reply of several lines has LF between them. */
export function makeReply(code: number, given: string): Reply {
  const text = given.replaceAll(/[\0\r]/g, '').slice(0, LONGEST_TEXT);
  const enhanced = ENHANCED.exec(text)?.[1] ?? '';
  return enhanced.startsWith(String(Math.floor(code / 100)))
    ? reply(code, enhanced, text.replace(ENHANCED, ''))
    : reply(code, '', text);
}

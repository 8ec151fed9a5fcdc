/**
 * `sendmail` (sendmail(1)): puts a message from standard input into the maildrop folder, from which the server accepts
 * it, now or when it runs again. It needs no right but to make a file there. Requirement P4.
 */

import { thisMachine } from '../../config/machine.ts';
import { showMainCf } from '../../config/postfix/read-main-cf.ts';
import { MAX_RECIPIENTS, type Submission } from '../../delivery/pickup/submission.ts';
import { userOf } from '../../lookup/system-users.ts';
import { verpDelimiters } from '../../mail/verp.ts';
import { encodeXtext } from '../../protocol/smtp/xtext.ts';
import { type Call, Fatal, isGiven, type NamedCommand, valuesOf, warn } from './command.ts';
import { requireSubmitter } from './local-caller.ts';
import { newaliases } from './postmap.ts';
import { flush, showQueue } from './postqueue.ts';
import { speakSmtp } from './sendmail-dialog.ts';
import { addressesOf, recipientsOf, splitHeader, untilDot } from './sendmail-input.ts';
import { submit } from './submit.ts';

export const sendmail: NamedCommand = {
  letters: 'A:B:C:F:GIL:N:O:R:UV:X:ab:ce:f:h:imno:p:r:q::tvx',
  folder: 'C',
  usage: 'sendmail [options]',
  failure: 75,
  read: (name, words) => withoutOldVerp(name, words),
  async run(call) {
    if (isGiven(call, 'n')) throw new Fatal('-n option not supported');
    const foreign = valuesOf(call, 'X').find((value) => !value.startsWith('V'));
    if (foreign !== undefined) throw new Fatal(`unsupported: -X${foreign.charAt(0)}`);
    const mode = modeOf(call);
    const act = MODES[mode];
    if (act === undefined) throw new Fatal(`unsupported: -b${mode}`);
    const needless = mode === 'v' ? ['t', 'N', 'R', 'v'].find((letter) => isGiven(call, letter)) : undefined;
    if (needless !== undefined) throw new Fatal(`-${needless} option cannot be used with -bv`);
    if (mode !== 'm' && isGiven(call, 't')) throw new Fatal('-t can be used only in delivery mode');
    const noRecipient = WITHOUT_RECIPIENT[mode];
    if (noRecipient !== undefined && call.operands.length > 0)
      throw new Fatal(`${noRecipient} mode requires no recipient`);
    return act(call);
  },
};

/** The same program: it shows the queue unless its options say otherwise. */
export const mailq: NamedCommand = { ...sendmail, usage: 'mailq [options]' };

const MODES: Readonly<Record<string, (call: Call) => Promise<number>>> = {
  m: send,
  p: showQueue,
  i: (call) => newaliases.run(call),
  q: async (call) => {
    await flush(call, {});
    return 0;
  },
  d: () => Promise.reject(new Fatal('-bd starts no server here: type "posthorn start"')),
  s: async (call) => {
    await requireSubmitter(call);
    return speakSmtp(call, { ...readEnvelope(call, userName()), verp: '' });
  },
  v: verify,
};

const WITHOUT_RECIPIENT: Readonly<Record<string, string>> = {
  p: 'display queue',
  i: 'alias initialization',
  q: 'flush queue',
};

/** The letter of the last -b, or that of an option with the same meaning. */
function modeOf({ name, options }: Call): string {
  const [letter, value] = options.findLast(([given]) => ['b', 'I', 'q'].includes(given)) ?? [];
  if (letter === 'I') return 'i';
  if (letter === 'q') return 'q';
  if (name === 'mailq' && (value === undefined || value.startsWith('v'))) return 'p';
  return value === undefined || value === 'a' ? (value ?? 'm') : value.charAt(0);
}

async function send(call: Call): Promise<number> {
  await requireSubmitter(call);
  const user = userName();
  const envelope = readEnvelope(call, user);
  const dotEnds = !isGiven(call, 'i') && !valuesOf(call, 'o').includes('i');
  const isExtracting = isGiven(call, 't');
  const named = namedIn(call, envelope);
  if (named.length === 0 && !isExtracting) throw refusal(envelope, NOBODY);
  if (envelope.verp !== '' && envelope.sender === '')
    throw new Fatal(`(${process.getuid?.() ?? 0}): -V option requires non-null sender address`);
  const { start, rest } = await splitHeader(dotEnds ? untilDot(process.stdin) : process.stdin);
  const recipients = [...new Set([...named, ...(isExtracting ? recipientsOf(start) : [])])];
  if (recipients.length === 0) throw refusal(envelope, 'No recipient addresses found in message header');
  if (recipients.length > MAX_RECIPIENTS) throw refusal(envelope, `more than ${MAX_RECIPIENTS} recipients`);
  await submit(call, { ...envelope, recipients }, joined(start, rest));
  if (isGiven(call, 'v')) console.log(reportComes(envelope));
  return 0;
}

/** -bv: nothing is read, and nothing but a report is mailed. */
async function verify(call: Call): Promise<number> {
  await requireSubmitter(call);
  const envelope = readEnvelope(call, userName());
  const recipients = [...new Set(namedIn(call, envelope))];
  if (recipients.length === 0) throw refusal(envelope, NOBODY);
  if (recipients.length > MAX_RECIPIENTS) throw refusal(envelope, `more than ${MAX_RECIPIENTS} recipients`);
  const header = `From: ${envelope.sender}\nSubject: probe\nTo:\t${recipients.join(',\n\t')}\n`;
  await submit(call, { ...envelope, recipients, verify: true }, joined(Buffer.from(header), NOTHING));
  console.log(reportComes(envelope));
  return 0;
}

const NOBODY = 'Recipient addresses must be specified on the command line or via the -t option';

const refusal = ({ sender }: Pick<Submission, 'sender'>, reason: string): Fatal =>
  new Fatal(`${sender}(${process.getuid?.() ?? 0}): ${reason}`);

/** The addresses of the command line. */
function namedIn({ operands }: Call, envelope: Pick<Submission, 'sender'>): string[] {
  const named = operands.flatMap(addressesOf);
  if (named.length < operands.length) throw refusal(envelope, 'a recipient on the command line is no address');
  return named;
}

const NOTHING: AsyncIterable<Buffer> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

const reportComes = ({ sender }: Pick<Submission, 'sender'>): string =>
  `Mail Delivery Status Report will be mailed to <${sender}>.`;

async function* joined(start: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield start;
  yield* rest;
}

function readEnvelope(call: Call, user: string): Omit<Submission, 'recipients'> {
  const { name } = call;
  const sender = [...valuesOf(call, 'f'), ...valuesOf(call, 'r')].at(-1);
  const fullName = valuesOf(call, 'F').at(-1) ?? userOf(process.getuid?.() ?? 0)?.fullName ?? '';
  const body = valuesOf(call, 'B').at(-1)?.toUpperCase() ?? '8BITMIME';
  if (body !== '7BIT' && body !== '8BITMIME') throw new Fatal('-B option needs 8BITMIME or 7BIT');
  return {
    sender: sender === undefined ? user : senderOf(name, sender),
    fullName: fullName.replaceAll(/[\x00-\x1f\x7f]/g, ' ').slice(0, 200),
    notify: notifyOf(name, valuesOf(call, 'N').at(-1)),
    ret: retOf(name, valuesOf(call, 'R').at(-1)),
    envid: encodeXtext(valuesOf(call, 'V').at(-1) ?? '').slice(0, 100),
    body,
    verp: verpOf(call),
    verify: false,
    reports: isGiven(call, 'v'),
  };
}

/** The delimiters of -XV; main.cf is only read where it is given. */
function verpOf(call: Call): string {
  const given = valuesOf(call, 'X').at(-1)?.slice(1);
  if (given === undefined) return '';
  const { parameters } = showMainCf({ directory: call.where.config, ...thisMachine() });
  const filter = parameters.string('verp_delimiter_filter');
  const delimiters = verpDelimiters(given, { filter, defaults: parameters.string('default_verp_delimiters') });
  if (delimiters === null) throw new Fatal(`-V requires two characters from ${filter}`);
  return delimiters;
}

/** What -V meant before it was the envelope ID: in front of a word of two characters, or with two. */
const withoutOldVerp = (name: string, words: readonly string[]): string[] =>
  words.map((word, at) => {
    const isOld = word === '-V' ? words[at + 1]?.length === 2 : /^-V..$/.test(word);
    if (!isOld) return word;
    const instead = `-X${word.slice(1)}`;
    warn(name, `option ${word} is deprecated with Postfix 2.3; specify ${instead} instead`);
    return instead;
  });

/** `<>` and '' are the null sender. */
function senderOf(name: string, text: string): string {
  if (/^\s*(?:<\s*>)?\s*$/.test(text)) return '';
  const [address, ...more] = addressesOf(text);
  if (address === undefined || more.length > 0) warn(name, `-f option specified malformed sender: ${text}`);
  return address ?? '';
}

function notifyOf(name: string, text: string | undefined): Submission['notify'] {
  if (text === undefined) return [];
  const words = text
    .toUpperCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '');
  const known = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] as const;
  const notify = known.filter((word) => words.includes(word));
  const isValid =
    words.length === notify.length && notify.length > 0 && !(notify.includes('NEVER') && notify.length > 1);
  if (!isValid) warn(name, 'bad -N option value -- ignored');
  return isValid ? notify : [];
}

function retOf(name: string, text: string | undefined): Submission['ret'] {
  if (text === undefined) return '';
  const ret = ({ FULL: 'FULL', HDRS: 'HDRS' } as const)[text.toUpperCase()];
  if (ret === undefined) warn(name, 'bad -R option value -- ignored');
  return ret ?? '';
}

const userName = (): string => {
  const uid = process.getuid?.() ?? 0;
  return userOf(uid)?.name ?? `uid${uid}`;
};

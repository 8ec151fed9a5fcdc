/** The line in front of a message in an mbox, and the fields by which programs keep its state in its header. */
import { isFlag } from '../flag.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DATE =
  / (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +([A-Z][a-z]{2}) +(\d{1,2}) +(\d{1,2}):(\d\d)(?::(\d\d))?(?: +[A-Z]{1,5})?(?: +[+-]\d{4})? +(\d{4})(?: +[+-]\d{4})? *(?:remote from .*)?\r?$/;

/** In ms, as local time, which such lines are written in. Null: no `From ` line, which always has a date. */
export function fromLineDate(line: string): number | null {
  if (!line.startsWith('From ')) return null;
  const [, month = '', day, hour, minute, second = '0', year] = DATE.exec(line) ?? [];
  if (!MONTHS.includes(month)) return null;
  const date = new Date(Number(year), MONTHS.indexOf(month), Number(day), Number(hour), Number(minute), Number(second));
  return Math.max(0, date.getTime());
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** The line in front of a message that arrived then, ms since 1970 UTC. */
export function fromLine(internalDate: number): string {
  const date = new Date(internalDate);
  const two = (number: number): string => String(number).padStart(2, '0');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const day = String(date.getDate()).padStart(2);
  return `From MAILER-DAEMON ${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${time} ${date.getFullYear()}`;
}

export interface MboxHeader {
  /** Without those fields, with its empty line. */
  readonly octets: Buffer;
  readonly uid: number | null;
  readonly flags: readonly string[];
  readonly contentLength: number | null;
  /** Of the mailbox; in its first message. */
  readonly base: { readonly uidValidity: number; readonly lastUid: number } | null;
  /** The message is none: it keeps the state of the mailbox. */
  readonly isInternal: boolean;
}

/** A field that is no part of the message. */
export const STATE_FIELDS = /^(Content-Length|Status|X-IMAP|X-IMAPbase|X-Keywords|X-Status|X-UID)[ \t]*:[ \t]*(.*)$/is;

/** Flags by field and letter. */
export const STATE_LETTERS: Readonly<Record<'status' | 'x-status', Readonly<Record<string, string>>>> = {
  status: { R: '\\Seen' },
  'x-status': { A: '\\Answered', D: '\\Deleted', F: '\\Flagged', T: '\\Draft' },
};

export function parseMboxHeader(octets: Buffer): MboxHeader {
  const kept: string[] = [];
  const state = new Map<string, string>();
  for (const field of octets.toString('latin1').split(/(?<=\n)(?![ \t])/)) {
    const [, name, value = ''] = STATE_FIELDS.exec(field) ?? [];
    if (name === undefined) kept.push(field);
    else state.set(name.toLowerCase(), value.replace(/\s+/g, ' ').trim());
  }
  const base = state.get('x-imapbase') ?? state.get('x-imap');
  const [, uidValidity = '', lastUid = ''] = /^(\d{1,10}) (\d{1,10})(?: |$)/.exec(base ?? '') ?? [];
  const letters = Object.entries(STATE_LETTERS).flatMap(([field, flags]) =>
    [...(state.get(field) ?? '')].flatMap((letter) => flags[letter] ?? []),
  );
  const keywords = (state.get('x-keywords') ?? '').split(' ').filter(isFlag);
  return {
    octets: Buffer.from(kept.join(''), 'latin1'),
    uid: numberOf(state.get('x-uid')),
    flags: [...new Set([...letters, ...keywords])],
    contentLength: numberOf(state.get('content-length')),
    base:
      Number(uidValidity) > 0 && Number(uidValidity) < 2 ** 32 && Number(lastUid) < 2 ** 32 - 1
        ? { uidValidity: Number(uidValidity), lastUid: Number(lastUid) }
        : null,
    isInternal: state.has('x-imap'),
  };
}

const numberOf = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;

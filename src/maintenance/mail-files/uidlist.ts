/** `dovecot-uidlist` and `dovecot-keywords` of a Maildir folder, in the versions that Dovecot has written. */
import { isFlag } from '../flag.ts';

export interface UidList {
  readonly uidValidity: number;
  readonly uidNext: number;
  /** UIDs by the name of the file up to `:2,`. */
  readonly uids: ReadonlyMap<string, number>;
}

const LAST = 0xffff_ffff;
const isUid = (number: number): boolean => Number.isInteger(number) && number > 0 && number < LAST;

/** Null: it says no UIDVALIDITY. Lines that are damaged are passed to `onFault` and left out. */
export function parseUidList(text: string, onFault: (line: number, problem: string) => void): UidList | null {
  const [first = '', ...lines] = text.split('\n');
  const header = parseHeader(first);
  if (header === null) {
    onFault(1, 'no header of a dovecot-uidlist');
    return null;
  }
  const uids = new Map<string, number>();
  let last = 0;
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const [, digits = '', name = ''] =
      (header.version === 1 ? /^(\d{1,10}) (.+)$/ : /^(\d{1,10}) (?:[^:]* )?:(.+)$/).exec(line) ?? [];
    const uid = Number(digits);
    const key = baseName(name);
    if (!isUid(uid) || uid <= last || uids.has(key)) {
      onFault(index + 2, 'expected a UID above the one before, and the name of a file that is not listed yet');
      continue;
    }
    uids.set(key, uid);
    last = uid;
  }
  return { uidValidity: header.uidValidity, uidNext: Math.max(header.uidNext, last + 1), uids };
}

function parseHeader(line: string): { version: number; uidValidity: number; uidNext: number } | null {
  const [, validity, next] = /^1 (\d{1,10}) (\d{1,10})$/.exec(line) ?? [];
  const version = validity === undefined ? 3 : 1;
  if (version === 3 && !line.startsWith('3 ')) return null;
  const word = (letter: string): string | undefined => new RegExp(` ${letter}(\\d{1,10})(?= |$)`).exec(line)?.[1];
  const [uidValidity, uidNext] = [Number(validity ?? word('V')), Number(next ?? word('N') ?? 1)];
  return isUid(uidValidity) && isUid(uidNext) ? { version, uidValidity, uidNext } : null;
}

/** The name of a message's file without its flags. */
export const baseName = (file: string): string => file.replace(/:2,[^:]*$/, '');

/** Keywords by the letter that stands for them in names of files. */
export function parseKeywords(text: string): ReadonlyMap<string, string> {
  const keywords = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, number = '', name = ''] = /^(\d{1,2}) (.{1,250})$/.exec(line) ?? [];
    if (number !== '' && Number(number) < 26 && isFlag(name))
      keywords.set(String.fromCharCode(97 + Number(number)), name);
  }
  return keywords;
}

/** Flags by the letter in the name of a file. */
export const LETTERS: Readonly<Record<string, string>> = {
  D: '\\Draft',
  F: '\\Flagged',
  P: '$Forwarded',
  R: '\\Answered',
  S: '\\Seen',
  T: '\\Deleted',
};

/** The flags in the name of a file; letters that mean nothing are left out. */
export function flagsIn(file: string, keywords: ReadonlyMap<string, string>): string[] {
  const letters = /:2,([^:]*)$/.exec(file)?.[1] ?? '';
  const flags = [...letters].flatMap((letter) => LETTERS[letter] ?? keywords.get(letter) ?? []);
  return [...new Set(flags)];
}

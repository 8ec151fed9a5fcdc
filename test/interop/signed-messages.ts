/** Messages as signers, relays and forgers leave them: signed in every way, odd, folded, long, changed afterwards. */
import { ed25519Key, keyRecord, rsaKey, type Signing, signedBy } from '../kit/dkim-keys.ts';
import type { Zone } from '../kit/judged.ts';

const KEYS = { rsa: rsaKey(2048), small: rsaKey(1024), ed: ed25519Key(), other: rsaKey(2048) };
type KeyName = keyof typeof KEYS;

/** `other` signs, and another key is published. */
export const KEYS_ZONE: Zone = {
  'TXT rsa._domainkey.example.org': [keyRecord(KEYS.rsa)],
  'TXT small._domainkey.example.org': [keyRecord(KEYS.small)],
  'TXT ed._domainkey.example.org': [keyRecord(KEYS.ed)],
  'TXT other._domainkey.example.org': [keyRecord(KEYS.rsa)],
};

/** The same numbers for the same seed. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    const mixed = Math.imul(state ^ (state >>> 13), 0x297a2d39);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof randomOf>;
const oneOf = <T>(random: Random, values: readonly T[]): T => values[random(values.length)] as T;

const SUBJECTS = [
  'test',
  'Gr\xc3\xb6\xc3\x9fe',
  '=?utf-8?q?Gr=C3=B6=C3=9Fe?=',
  '  two  blanks  ',
  'folded\r\n\tonce\r\n  and twice',
  '',
  'x'.repeat(900),
  ' \r\n later',
];
const FROM = [
  'a@example.org',
  'A <a@example.org>',
  '"A, B" <a@example.org>',
  'A\r\n <a@example.org>',
  '=?utf-8?q?=C3=84?= <a@example.org>',
];
const LINES = [
  '',
  ' ',
  '\t',
  'hello',
  'two  blanks',
  'blank at end ',
  '\tindented\t\ttabs',
  'From here',
  '.',
  '..',
  '\xc3\xa4\xff\xfe',
  'x'.repeat(998),
  'a\xa0b \xa0',
];
const CANON = ['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple', 'relaxed', 'simple'];
const FIELDS = ['From', 'To', 'Subject', 'Date', 'Message-ID', 'X-Odd', 'Received', 'From', 'Subject', 'X-None'];

function letter(random: Random): string {
  const names = { from: ['From', 'from', 'FROM'], subject: ['Subject', 'SUBJECT', 'subject'] };
  const fields = [
    `Received: from x by y;\r\n\tThu, 1 Jan 2026 12:00:00 +0000`,
    `${oneOf(random, names.from)}: ${oneOf(random, FROM)}`,
    'To: user@example.test',
    `${oneOf(random, names.subject)}:${oneOf(random, ['', ' ', '  ', '\t'])}${oneOf(random, SUBJECTS)}`,
    'Date: Thu, 1 Jan 2026 12:00:00 +0000',
    `Message-ID: <${random(1_000_000)}@example.org>`,
    ...Array.from({ length: random(4) }, (_, n) => `X-Odd:${n}  ${oneOf(random, LINES.slice(2))}`),
  ];
  const body = Array.from({ length: random(12) }, () => oneOf(random, LINES));
  const filling = random(40) === 0 ? `${'0123456789'.repeat(7)}\r\n`.repeat(20_000) : '';
  const end = oneOf(random, ['\r\n', '\r\n\r\n\r\n', ' \r\n\t\r\n']);
  return `${fields.join('\r\n')}\r\n\r\n${body.join('\r\n')}${body.length > 0 ? end : ''}${filling}`;
}

function signing(random: Random): Signing {
  const selector = oneOf<KeyName>(random, ['rsa', 'rsa', 'rsa', 'small', 'ed', 'ed', 'other']);
  const headerList = FIELDS.filter((field, index) => (field === 'From' && index === 0) || random(2) === 0);
  return {
    ...{ key: KEYS[selector], selector, canonicalization: oneOf(random, CANON) },
    ...(random(3) === 0 ? { headerList } : {}),
    ...(random(6) === 0 ? { maxBodyLength: random(60) } : {}),
  };
}

/** What happens to a message on its way. */
const CHANGES: readonly ((message: string, random: Random) => string)[] = [
  (message) => message,
  (message) => message,
  (message) => message,
  (message) => `${message}appended\r\n`,
  (message) => message.replace('\r\n\r\n', '\r\n\r\nbefore\r\n'),
  (message) => message.replace(/\r\nsubject:/i, '\r\nX-New: y\r\nSubject:'),
  (message) => message.replace(/\r\nsubject: ?/i, '\r\nsubject:   '),
  (message) => message.replace('To: user', 'To:  user'),
  (message) => message.replace('user@example.test', 'other@example.test'),
  (message) => message.replace('To: user', 'Subject: second\r\nTo: user'),
  (message) => message.replaceAll('  ', ' '),
  (message) => message.replaceAll('hello', 'HELLO'),
  (message) => message.replace(/; d=/, ';\r\n\td='),
  (message) => message.replace(/bh=(.)/, 'bh=\r\n $1'),
  (message, random) => {
    const at = random(message.length);
    if (!/[a-z0-9]/i.test(message.charAt(at))) return message;
    return message.slice(0, at) + String.fromCharCode(message.charCodeAt(at) ^ 1) + message.slice(at + 1);
  },
];

export interface Message {
  /** Octets as latin1. */
  readonly text: string;
  readonly signatures: number;
}

/** With one to four signatures, by as many signers, each of which may have changed it. */
export async function signedMessage(seed: number): Promise<Message> {
  const random = randomOf(seed);
  let text = letter(random);
  const most = random(5) === 0 ? 4 : 1;
  for (let n = 0; n < most; n += 1) text = await signedBy(text, signing(random));
  text = oneOf(random, CHANGES)(text, random);
  const [header = ''] = text.split('\r\n\r\n', 1);
  return { text, signatures: (header.match(/^dkim-signature[ \t]*:/gim) ?? []).length };
}

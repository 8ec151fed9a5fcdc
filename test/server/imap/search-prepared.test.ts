/** SEARCH finds the same whether texts are prepared or read: random keys over a corpus of odd messages. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Id } from '../../../src/mail/account.ts';
import { MessageIndexer } from '../../../src/protocol/mime/indexer.ts';
import { searchTextOf } from '../../../src/protocol/mime/text.ts';
import type { ImapClient } from '../../kit/imap-client.ts';
import { acceptanceOf, ON_MONGODB } from '../../kit/store.ts';
import { type House, openHouse } from './house.ts';

const ODD: readonly string[] = [
  'Subject: plain words  "quoted" \\back\tslash\nFrom: "A Words" <a@b.example>, b@two.example (in)\nTo: x: <e@end.example>;\nX-Mailer: Muh 1.0\n\nOne two three.\nwords\n',
  'Subject: =?utf-8?q?=C3=9Cber?= =?utf-8?b?5L2g5aW9?=\nX-Mailer:\n folded\n\tvalue\n\n你好世界 Straße İstanbul\n',
  'Subject: =?utf-8?q?two=0D=0AX-Mailer: lines?=\n\nbody\n',
  ' first line is folded\nSubject: late\n\nwords\n',
  'From xixi Fri Nov 20 22:00:00 2026\nSubject: from an mbox\nX-Mailer: box\n\nwords\n',
  '\nno header, words\n',
  'no field here\nSubject: x\n\nwords\n',
  'X-Empty:\nX-Mailer: one\nX-Mailer: Two\nSubject : blank before the colon\n\n',
  'Subject: nul\0in it\n\nnul\0in the words\n',
  'Subject: caf\xe9 raw\nContent-Type: text/plain; charset=iso-8859-1\n\nb\xfcro words\n',
  'Content-Type: multipart/mixed; boundary=b\nX-Mailer: parts\n\n--b\nContent-Type: text/html\n\n<p>bold <b>words</b></p>\n' +
    '--b\nContent-Type: application/pdf; name="typename.pdf"\n\nx\n--b\nContent-Type: message/rfc822\n\nSubject: enclosed\nX-Mailer: inner\n\ninner words\n--b--\n',
  'Subject: =?utf-8?b?5Lya6K6u6K6w5b2V?= 📅\nFrom: 王伟 <ww@b.example>\n\n今天下午三点开会。日本語のテキスト 한국어 문장입니다\n',
  'Subject: marks\n\n"quoted" and ""twice"" * ^ near(words, 2) not-this (that) col:umn\\ %_ \'single\'\n',
  'Subject: 👩‍👩‍👧 family\n\ncafe\u0301 café 👩‍👩‍👧 🇨🇳🇨 x😀y ﬁne ſtraße\n',
  'Content-Type: text/html\n\n<p>half &#xd83d;of a character&#0;zero &#65534; words</p>\n',
  // Too many different trigrams for the index.
  `Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${Buffer.from(`${manyCharacters()}long words`).toString('base64')}\n`,
  `Subject: long\nX-Long: ${'y '.repeat(2_000)}end\n\n${'many words '.repeat(3_000)}last\n`,
];
const PREFIXES = ['', 'Return-Path: <a@b.example>\r\nDelivered-To: xixi@baidu.com\r\n', 'X-Mailer: prefixed Words\r\n'];

function manyCharacters(): string {
  const roll = dice(1);
  return String.fromCharCode(...Array.from({ length: 26_000 }, () => 0x4e00 + roll(20_000)));
}

let house: House;
let client: ImapClient;
beforeAll(async () => {
  house = await openHouse();
  let serial = 0;
  for (const message of ODD) {
    for (const prefix of PREFIXES) {
      serial += 1;
      const bytes = Buffer.from(message.replaceAll('\n', '\r\n'), /[\u0100-\uffff]/.test(message) ? 'utf8' : 'latin1');
      await house.store.accept(acceptanceOf(`odd${serial}`, bytes, { account: house.account.id, prefix }));
    }
  }
  client = await house.login();
  await client.ok('SELECT INBOX');
});
afterAll(() => house.close());

/** Numbers that are the same in each run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % sides;
  };
}

const FIELDS = ['x-mailer', 'subject', 'X-Empty', 'from', 'delivered-to', 'x-long', 'return-path', 'no'];
const WORDS = [
  'words',
  'xixi',
  'ber',
  '你好',
  '世界',
  'straße',
  'two',
  'Two',
  'prefixed',
  'x-mailer',
  'x-mailer: two',
  'in',
  'enclosed',
  'typename',
  'b.example',
  ' ',
  'e',
  'büro',
  'end',
  'nowhere',
  '',
  '"quoted"',
  '""',
  'and ""tw',
  '* ^',
  'near(words, 2)',
  'words OR two',
  'col:',
  'umn\\ %_',
  "'single'",
  '"',
  '会议',
  '会议记录',
  '下午三点开会。日',
  'テキスト',
  '한국어 문장',
  '📅',
  '👩‍👩‍👧',
  '👩‍👩‍👧 🇨🇳🇨',
  'x😀y',
  'cafe\u0301 caf',
  'ﬁne ſtr',
  'half \ufffdof a',
  'character\ufffd',
  'zero \ufffe words',
  'long words',
  'many words many words many words many words many words many words last',
];

/** A literal carries any octets. */
const text = (word: string): string => `{${Buffer.byteLength(word)}+}\r\n${Buffer.from(word).toString('latin1')}`;

function key(roll: (sides: number) => number, depth: number): string {
  const word = text(WORDS[roll(WORDS.length)] ?? '');
  switch (roll(depth > 0 ? 12 : 8)) {
    case 0:
    case 1:
      return `BODY ${word}`;
    case 2:
    case 3:
      return `TEXT ${word}`;
    case 4:
    case 5:
      return `HEADER ${FIELDS[roll(FIELDS.length)]} ${word}`;
    case 6:
      return `${['SUBJECT', 'FROM', 'TO', 'CC'][roll(4)]} ${word}`;
    case 7:
      return `HEADER ${['subject', 'from', 'to'][roll(3)]} ${word}`;
    case 8:
      return `NOT ${key(roll, depth - 1)}`;
    case 9:
      return `OR ${key(roll, depth - 1)} ${key(roll, depth - 1)}`;
    case 10:
      return `(${key(roll, depth - 1)} ${key(roll, depth - 1)})`;
    default:
      return `${roll(2) === 0 ? 'LARGER 400' : 'UNSEEN'} ${key(roll, depth - 1)}`;
  }
}

async function searchAll(keys: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const one of keys) found.push(/SEARCH ?(.*)\r\n/.exec(await client.ok(`SEARCH ${one}`))?.[1] ?? 'no answer');
  return found;
}

/** Where each question goes to a database there is time for fewer. */
const KEYS = ON_MONGODB && process.env['POSTHORN_TEST_WHOLE'] === undefined ? 150 : 500;

it('D4: prepared or not, the same messages are found', async () => {
  const roll = dice(20_261_126);
  const keys = Array.from({ length: KEYS }, () => Array.from({ length: 1 + roll(2) }, () => key(roll, 2)).join(' '));
  const read = await searchAll(keys);
  expect(new Set(read).size).toBeGreaterThan(KEYS / 20);
  const contents = await house.store.mailboxes.unprepared(1_000);
  expect(contents).toHaveLength(ODD.length * PREFIXES.length);
  // Half of them first: messages of both kinds are searched at once.
  for (const half of [contents.filter((_, i) => i % 2 === 0), contents.filter((_, i) => i % 2 === 1)]) {
    for (const content of half) {
      const bytes = await house.store.content.read(content, 0, 1_000_000);
      const indexer = new MessageIndexer();
      indexer.write(bytes);
      const prepared = await searchTextOf(indexer.end().root, async (from, to) => bytes.subarray(from, to));
      await house.store.mailboxes.putSearchText(content, prepared);
    }
    const now = await searchAll(keys);
    expect(keys.flatMap((one, i) => (now[i] === read[i] ? [] : [[one, read[i], now[i]]]))).toEqual([]);
  }
  // In a mailbox with very many prefixes only the rows have them.
  const { mailboxes } = house.store;
  const columns = mailboxes.columns.bind(mailboxes);
  Object.assign(mailboxes, { columns: async (id: Id) => ({ ...(await columns(id)), prefix: () => null }) });
  const now = await searchAll(keys);
  expect(keys.flatMap((one, i) => (now[i] === read[i] ? [] : [[one, read[i], now[i]]]))).toEqual([]);
});

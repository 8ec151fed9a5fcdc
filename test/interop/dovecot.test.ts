/**
 * A real Dovecot 2.3 as the reference: the same unusual messages in both, the same FETCH and SEARCH commands to both,
 * the same answers, except for differences listed in a table with their reasons.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { type Dovecot, say, startDovecot } from './dovecot.ts';
import { type House, openMailbox, startInteropHouse } from './house.ts';
import { type Data, readData } from './imap-data.ts';

const CORPUS = join(import.meta.dirname, '../protocol/mime/corpus');
const NAMES = readdirSync(CORPUS)
  .filter((file) => file.endsWith('.eml'))
  .map((file) => file.slice(0, -4));
const FLAGS = ['', '\\Seen', '\\Flagged \\Answered', '\\Draft', '\\Deleted', '$Label custom'];

let house: House;
let dovecot: Dovecot;
let ours: LineClient;
let theirs: LineClient;

beforeAll(async () => {
  dovecot = await startDovecot('secret');
  house = await startInteropHouse();
  ours = await openMailbox(house, 'maomao');
  theirs = await LineClient.connect({ host: '127.0.0.1', port: dovecot.port });
  await theirs.line();
  expect([(await theirs.imap('l1', 'LOGIN maomao secret')).at(-1), dovecot.said()].join('\n')).toMatch(/^l1 OK/);
  expect((await theirs.imap('l2', 'SELECT INBOX')).at(-1)).toMatch(/^l2 OK/);
  for (const client of [ours, theirs])
    for (const [n, name] of NAMES.entries()) {
      const text = readFileSync(join(CORPUS, `${name}.eml`), 'latin1');
      const day = String((n % 27) + 1).padStart(2, ' ');
      client.send(`a${n} APPEND INBOX (${FLAGS[n % FLAGS.length]}) "${day}-Jul-2020 02:44:25 +0000" {${text.length}}`);
      await client.linesUntil((line) => line.startsWith('+ '));
      client.send(text);
      expect((await client.linesUntil((line) => line.startsWith(`a${n} `))).at(-1)).toContain(`a${n} OK`);
    }
}, 60_000);
afterAll(async () => {
  ours?.close();
  theirs?.close();
  await house?.stop();
  await dovecot?.stop();
});

/** The value of one FETCH item of one message, or the answer instead of it. */
async function fetched(client: LineClient, number: number, item: string): Promise<Data> {
  const text = await say(client, `FETCH ${number} (${item})`);
  const start = text.indexOf('FETCH (');
  if (start < 0) return text;
  const data = readData(text.slice(start + 'FETCH '.length));
  if (data === null || typeof data === 'string') return data;
  const name = item.replace('.PEEK', '');
  const at = data.findIndex((word) => typeof word === 'string' && word.toUpperCase() === name);
  return data[at + 1] ?? null;
}

const lower = (data: Data): Data =>
  data === null ? null : typeof data === 'string' ? data.toLowerCase() : data.map(lower);
const sorted = (data: Data): Data =>
  Array.isArray(data) ? [...data].filter((flag) => flag !== '\\Recent').sort() : data;

/** A missing part: NIL from us, which shows that; an empty string from Dovecot. */
const orEmpty = (data: Data): Data => data ?? '';
const exact = (data: Data): Data => data;

const ITEMS: Readonly<Record<string, (data: Data) => Data>> = {
  FLAGS: sorted,
  'RFC822.SIZE': exact,
  INTERNALDATE: exact,
  ENVELOPE: exact,
  BODY: lower,
  BODYSTRUCTURE: lower,
  'BODY.PEEK[HEADER.FIELDS (SUBJECT)]': exact,
  'BODY.PEEK[HEADER.FIELDS.NOT (RECEIVED SUBJECT)]': exact,
  'BODY.PEEK[HEADER]': exact,
  'BODY.PEEK[TEXT]': exact,
  'BODY.PEEK[]': exact,
  'BODY.PEEK[1]': orEmpty,
  'BODY.PEEK[1.MIME]': orEmpty,
  'BODY.PEEK[2]': orEmpty,
  'BODY.PEEK[2.HEADER]': orEmpty,
  'BODY.PEEK[2.1]': orEmpty,
  'BODY.PEEK[1.2.1]': orEmpty,
  'BODY.PEEK[9]': orEmpty,
  'RFC822.HEADER': exact,
};

/** Intended differences: the items, the messages, the reason. Every row must be true. */
const OUR_OWN: readonly (readonly [items: readonly string[], messages: readonly string[], reason: string])[] = [
  [['ENVELOPE'], ['addresses-broken'], 'an address behind a fault is still found'],
  [['ENVELOPE'], ['addresses-odd'], 'obsolete white space around dots is read (RFC 5322 section 4.4)'],
  [['ENVELOPE'], ['subjects'], 'white space around a date or a message id is not part of it'],
  [['BODY', 'BODYSTRUCTURE'], ['empty-content-fields'], 'an empty Content-\u2026 field says nothing: NIL'],
  [
    ['BODY', 'BODYSTRUCTURE'],
    ['type-broken', 'type-broken2', 'type-slash'],
    'a Content-Type that cannot be read is text/plain (RFC 2045 section 5.2)',
  ],
  [['BODY', 'BODYSTRUCTURE'], ['rfc2231'], 'a language tag is not kept'],
  [
    [
      'BODY',
      'BODYSTRUCTURE',
      'BODY.PEEK[1]',
      'BODY.PEEK[1.MIME]',
      'BODY.PEEK[HEADER]',
      'RFC822.HEADER',
      'BODY.PEEK[TEXT]',
      'BODY.PEEK[HEADER.FIELDS.NOT (RECEIVED SUBJECT)]',
    ],
    ['no-header'],
    'a first line that is no field begins the body, so that the text is seen',
  ],
  [['BODY', 'BODYSTRUCTURE', 'BODY.PEEK[1]', 'BODY.PEEK[1.MIME]'], ['part-without-header'], 'the same in a part'],
  [
    ['BODY', 'BODYSTRUCTURE', 'BODY.PEEK[1.MIME]', 'BODY.PEEK[2]', 'BODY.PEEK[2.HEADER]', 'BODY.PEEK[2.1]'],
    ['rfc822-empty'],
    'an encoded message has no header to read (RFC 2046 section 5.2.1 forbids it): it is shown as text',
  ],
  [
    ['BODY.PEEK[1]'],
    ['boundary-prefix'],
    'the line end before a boundary belongs to the boundary (RFC 2046 section 5.1.1), behind an inner multipart too',
  ],
  [
    ['BODY.PEEK[1.MIME]'],
    ['empty-parts', 'header-cut-by-boundary', 'preamble-epilogue'],
    'a header without a body keeps its line end',
  ],
  [
    ['BODY.PEEK[HEADER.FIELDS.NOT (RECEIVED SUBJECT)]'],
    ['bad-header-lines'],
    'a line that is no field is not among the fields',
  ],
  [
    ['BODY.PEEK[HEADER.FIELDS.NOT (RECEIVED SUBJECT)]'],
    ['header-without-end'],
    'a choice of fields ends with an empty line, as Dovecot ends HEADER.FIELDS',
  ],
  [
    ['BODY.PEEK[2.1]'],
    [
      'alternative-nested',
      'boundary-trailing-space',
      'digest',
      'header-cut-by-boundary',
      'missing-end',
      'mixed',
      'outer-ends-inner',
      'preamble-epilogue',
    ],
    'a leaf has no parts; Dovecot gives the leaf again',
  ],
  [['BODY.PEEK[1.2.1]'], ['alternative-nested', 'boundary-prefix'], 'the same'],
];

it.each(Object.entries(ITEMS))('D2: FETCH %s is answered as by Dovecot, for all of the corpus', async (item, plain) => {
  const own = OUR_OWN.filter(([items]) => items.includes(item)).flatMap(([, messages]) => messages);
  for (const [n, name] of NAMES.entries()) {
    const [a, b] = [plain(await fetched(ours, n + 1, item)), plain(await fetched(theirs, n + 1, item))];
    if (own.includes(name)) expect([name, a]).not.toEqual([name, b]);
    else expect([name, a]).toEqual([name, b]);
  }
});

it('D2: FETCH FULL, ALL and FAST are the items that they stand for', async () => {
  for (const macro of ['FAST', 'ALL', 'FULL'])
    for (const n of [1, 2, 3]) {
      const items = async (client: LineClient): Promise<Data> =>
        readData((await say(client, `FETCH ${n} ${macro}`)).replace(/^[\s\S]*?FETCH /, ''));
      const words = (data: Data): unknown => (Array.isArray(data) ? data.filter((_, at) => at % 2 === 0).sort() : data);
      expect(words(await items(ours))).toEqual(words(await items(theirs)));
    }
});

const SEARCHES = [
  ...[
    'ALL',
    'SEEN',
    'UNSEEN',
    'ANSWERED',
    'FLAGGED',
    'DELETED',
    'DRAFT',
    'UNANSWERED',
    'UNFLAGGED',
    'UNDELETED UNDRAFT',
    'KEYWORD custom',
    'UNKEYWORD custom',
    'KEYWORD $Label',
  ],
  ...[
    'SUBJECT "folded subject"',
    'SUBJECT "FOLDED"',
    'SUBJECT ""',
    'FROM "a@b.c"',
    'FROM "@"',
    'TO "x@y"',
    'CC ""',
    'BCC "c@d"',
    'HEADER Subject "two"',
    'HEADER Received ""',
  ],
  ...['HEADER X-None ""', 'HEADER Content-Type "multipart"', 'HEADER Message-Id "@x"'],
  ...[
    'BODY "one"',
    'BODY "ONE"',
    'BODY "two"',
    'BODY "html"',
    'BODY "boundary"',
    'TEXT "a@b.c"',
    'TEXT "Content-Type"',
    'TEXT "one" TEXT "two"',
    'BODY "not in any"',
  ],
  ...[
    'LARGER 300',
    'SMALLER 100',
    'NOT LARGER 150',
    'OR SMALLER 80 LARGER 500',
    'BEFORE 10-Jul-2020',
    'ON 10-Jul-2020',
    'SINCE 20-Jul-2020',
  ],
  // Dovecot treats a message without a date as one of 1970; ours is in no such range.
  ...[
    'SENTBEFORE 1-Jan-2027 HEADER DATE " "',
    'SENTON 20-Nov-2026',
    'SENTSINCE 1-Jan-2026',
    'NOT SENTBEFORE 1-Jan-2027 HEADER DATE " "',
  ],
  ...[
    '1:5',
    '*',
    '5:*',
    'UID 3:4,7',
    'NOT 2:*',
    '(OR SEEN FLAGGED) 1:10',
    'OR (SEEN 1:10) (NOT SEEN 10:20)',
    'NOT (NOT SEEN)',
    'OR NOT SEEN NOT FLAGGED',
  ],
  ...[
    'CHARSET UTF-8 SUBJECT {6+}\r\nGr\xc3\xbc\xc3\x9f',
    'CHARSET UTF-8 BODY "\xc3\xbc"',
    'CHARSET ISO-8859-1 TEXT "\xfc"',
    'CHARSET US-ASCII TEXT "one"',
  ],
];

/** Intended differences: the query, the messages found by only one of us, the reason. */
const OUR_OWN_SEARCHES: Readonly<Record<string, { readonly messages: readonly string[]; readonly reason: string }>> = {
  'TO "x@y"': { messages: ['+addresses-broken'], reason: 'an address behind a fault is still found' },
};

it.each(SEARCHES)('D2: SEARCH %s finds the messages that Dovecot finds', async (criteria) => {
  const find = async (client: LineClient): Promise<string[] | string> => {
    const text = await say(client, `SEARCH ${criteria}`);
    const found = /^\* SEARCH(.*)$/m.exec(text)?.[1];
    if (found === undefined) return text.replace(/^q1 (\w+).*$/s, '$1');
    return found
      .trim()
      .split(' ')
      .filter(Boolean)
      .map((number) => NAMES[Number(number) - 1] ?? number);
  };
  const [a, b] = [await find(ours), await find(theirs)];
  if (typeof a === 'string' || typeof b === 'string') {
    expect(a).toEqual(b);
    return;
  }
  const differ = [
    ...a.filter((name) => !b.includes(name)).map((name) => `+${name}`),
    ...b.filter((name) => !a.includes(name)).map((name) => `-${name}`),
  ];
  expect(differ).toEqual(OUR_OWN_SEARCHES[criteria]?.messages ?? []);
});

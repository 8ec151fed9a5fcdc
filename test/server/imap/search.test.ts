/** What SEARCH looks at (RFC 9051 section 6.4.4), and the MODSEQ in ESEARCH (RFC 7162 section 3.1.5). */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { indexMessage, MessageIndexer } from '../../../src/protocol/mime/indexer.ts';
import { searchTextOf } from '../../../src/protocol/mime/text.ts';
import type { ImapClient } from '../../kit/imap-client.ts';
import { acceptanceOf } from '../../kit/store.ts';
import { type House, MESSAGE, openHouse } from './house.ts';

const crlf = (text: string): string => text.replaceAll('\n', '\r\n');

const REPORT = crlf(
  'Subject: report\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: text/plain\n\nnotice\n' +
    '--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n' +
    '--b\nContent-Type: application/pdf; name="typename.pdf"\nContent-Disposition: attachment; filename="=?utf-8?Q?m=C3=B6hre.pdf?="\n\nx\n' +
    '--b\nContent-Type: message/rfc822\n\nSubject: enclosed\n\ninner text\n--b--\n',
);
const PARTIAL = crlf('Subject: piece\nContent-Type: message/partial; id=x; number=1; total=2\n\nhalf a message\n');
const ADDRESSES = crlf(
  'From: "Joe Q" <joe @ ex . org>\nTo: =?utf-8?Q?J=C3=BCrgen?= <j@x.org>, a@b.c (Carl)\nCc: Group: x@y.z, "Quo\\"ted" <q@w.e>;\nSubject: two\n  words   spaced\n\nx\n',
);

let house: House;
let client: ImapClient;
beforeAll(async () => {
  house = await openHouse();
  for (const message of [REPORT, PARTIAL, ADDRESSES]) await house.deliver(message);
  client = await house.login();
  await client.ok('SELECT INBOX');
});
afterAll(() => house.close());

const find = async (criteria: string): Promise<string> =>
  /SEARCH ?(.*)\r\n/.exec(await client.ok(`SEARCH ${criteria}`))?.[1] ?? '';

const TEXTS: readonly (readonly [string, string])[] = [
  ['TEXT typename', '1'],
  ['BODY typename', ''],
  ['TEXT "m\xc3\xb6hre"', '1'],
  ['TEXT "application/pdf"', '1'],
  ['BODY mx.example', '1'],
  ['TEXT mx.example', '1'],
  ['BODY "half a message"', '2'],
  ['TEXT enclosed', '1'],
  ['BODY enclosed', ''],
  ['BODY "inner text"', '1'],
];

describe('texts', () => {
  test.each(TEXTS)('%s', async (criteria, found) => {
    expect(await find(criteria)).toBe(found);
  });

  test('finds the same once the search texts are prepared', async () => {
    for (const content of await house.store.mailboxes.unprepared(10)) {
      const bytes = await house.store.content.read(content, 0, 1_000_000);
      const indexer = new MessageIndexer();
      indexer.write(bytes);
      await house.store.mailboxes.putSearchText(
        content,
        await searchTextOf(indexer.end().root, async (from, to) => bytes.subarray(from, to)),
      );
    }
    expect(await house.store.mailboxes.unprepared(10)).toEqual([]);
    for (const [criteria, found] of TEXTS) expect([criteria, await find(criteria)]).toEqual([criteria, found]);
  });
});

test.each([
  ['FROM joe@ex.org', '3'],
  ['FROM "joe q"', '3'],
  ['FROM "\\"joe q\\" <joe@ex.org>"', '3'],
  ['FROM "joe @ ex"', ''],
  ['HEADER FROM "joe @ ex"', '3'],
  ['HEADER FROM joe@ex.org', ''],
  ['TO "j\xc3\xbcrgen <j@x.org>"', '3'],
  ['TO "carl <a@b.c>"', '3'],
  ['HEADER TO (Carl)', null],
  ['CC "group: <x@y.z>"', '3'],
  ['CC "\\"quo\\\\\\"ted\\" <q@w.e>;"', '3'],
  ['SUBJECT "two words spaced"', '3'],
  ['SUBJECT "words  spaced"', '3'],
  ['FROM ""', '3'],
  ['BCC ""', ''],
])('addresses and subjects: %s', async (criteria, found) => {
  if (found === null) expect((await client.command(`SEARCH ${criteria}`)).completion).toMatch(/^BAD/);
  else expect(await find(criteria)).toBe(found);
});

test('a message stored by an earlier version is also found by its addresses', async () => {
  const bytes = Buffer.from(ADDRESSES.replaceAll('Joe', 'Old').replaceAll('joe', 'old'), 'latin1');
  const acceptance = acceptanceOf('old', bytes, { account: house.account.id });
  const index = indexMessage(bytes);
  const { addresses: _, ...search } = index.search;
  await house.store.accept({ ...acceptance, index: { ...index, search } });
  await client.ok('NOOP');
  expect(await find('FROM old@ex.org')).toBe('4');
  expect(await find('FROM "old @ ex"')).toBe('4');
});

test('the MODSEQ of ESEARCH is that of the returned messages; with COUNT and ALL it is the highest', async () => {
  await client.ok('CREATE modseq');
  for (let i = 0; i < 5; i += 1) await house.deliver(MESSAGE, { mailbox: 'modseq' });
  const other = await house.login();
  await other.ok('SELECT modseq (CONDSTORE)');
  for (const number of [3, 1, 5, 2]) await other.ok(`STORE ${number} +FLAGS (\\Seen)`);
  const modseqs = [...(await other.ok('FETCH 1:* MODSEQ')).matchAll(/MODSEQ \((\d+)\)/g)].map(([, modseq]) =>
    Number(modseq),
  );
  const of = async (options: string, key = 'MODSEQ 1'): Promise<number> =>
    modseqs.indexOf(Number(/MODSEQ (\d+)/.exec(await other.ok(`SEARCH RETURN (${options}) ${key}`))?.[1] ?? 0)) + 1;
  expect([await of('MIN'), await of('MAX'), await of('MIN MAX'), await of('MIN MAX', '1:3 MODSEQ 1')]).toEqual([
    1, 5, 5, 1,
  ]);
  for (const options of ['', 'ALL', 'COUNT', 'MIN COUNT', 'MAX ALL', 'MIN MAX COUNT'])
    expect([options, await of(options)]).toEqual([options, 2]);
  expect(await other.ok('SEARCH RETURN (MIN) MODSEQ 100000')).not.toContain('MODSEQ');
  expect(await other.ok('SEARCH RETURN (MIN) ALL')).not.toContain('MODSEQ');
});

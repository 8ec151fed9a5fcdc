/** Another session expunges a message while this one reads it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ImapClient } from '../../kit/imap-client.ts';
import { type House, MESSAGE, openHouse } from './house.ts';

let house: House;
let client: ImapClient;
let other: ImapClient;
/** Runs before the next read of octets. */
let before = async (): Promise<void> => {};
/** Runs when the next rows have been read, before the session gets them. */
let after = async (): Promise<void> => {};

beforeAll(async () => {
  house = await openHouse({
    alter: ({ content, mailboxes }) => {
      const { rows } = mailboxes;
      Object.assign(mailboxes, {
        async *rows(...range: Parameters<typeof rows>) {
          const read = [];
          for await (const some of rows(...range)) read.push(some);
          const act = after;
          after = async () => {};
          await act();
          yield* read;
        },
      });
      const { read } = content;
      Object.assign(content, {
        read: async (...range: Parameters<typeof read>) => {
          const act = before;
          before = async () => {};
          await act();
          return read(...range);
        },
      });
    },
  });
  for (let i = 0; i < 3; i += 1) await house.deliver(MESSAGE);
  client = await house.login();
  other = await house.login();
  await client.ok('SELECT INBOX');
  await other.ok('SELECT INBOX');
});
afterAll(() => house.close());

const removeBeforeReading = (number: number): void => {
  before = async () => {
    await other.ok(`STORE ${number} +FLAGS.SILENT (\\Deleted)`);
    await other.ok('EXPUNGE');
  };
};

test('FETCH returns the other messages, and its final response says that one is missing', async () => {
  removeBeforeReading(1);
  const { untagged, completion } = await client.command('FETCH 1:3 (UID BODY.PEEK[TEXT])');
  expect(untagged.match(/^\* \d FETCH \(UID \d BODY\[TEXT\] /gm)).toEqual([
    '* 2 FETCH (UID 2 BODY[TEXT] ',
    '* 3 FETCH (UID 3 BODY[TEXT] ',
  ]);
  expect(completion).toMatch(/^OK \[EXPUNGEISSUED\]/);
  expect(await client.ok('NOOP')).toContain('* 1 EXPUNGE\r\n');
});

test('SEARCH does not return it, and its response says so', async () => {
  removeBeforeReading(1);
  const { untagged, completion } = await client.command('UID SEARCH HEADER Message-Id one');
  expect(untagged).toMatch(/\* SEARCH 3\r\n/);
  expect(completion).toMatch(/^OK \[EXPUNGEISSUED\]/);
  expect(house.log.lines.filter((line) => line.includes('failed'))).toEqual([]);
});

test('a message that comes and goes while the session appends its own is not reported', async () => {
  const [, count] = /\* (\d+) EXISTS/.exec(await client.ok('SELECT INBOX')) ?? [];
  const uid = await house.deliver(MESSAGE);
  await other.ok('NOOP');
  after = async () => {
    await other.ok(`UID STORE ${uid} +FLAGS.SILENT (\\Deleted)`);
    await other.ok('EXPUNGE');
  };
  const { untagged } = await client.command(`APPEND INBOX {${MESSAGE.length}+}\r\n${MESSAGE}`);
  expect(untagged).toContain(`* ${Number(count) + 1} EXISTS\r\n`);
  expect(await client.ok('FETCH * UID')).toBe(`* ${Number(count) + 1} FETCH (UID ${uid + 1})\r\n`);
});

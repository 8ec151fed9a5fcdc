import { afterEach, beforeEach, expect, test } from 'vitest';
import { NO_LOGINS } from '../../../src/server/login/no-logins.ts';
import { removable } from '../../kit/away.ts';
import type { ImapClient } from '../../kit/imap-client.ts';
import { type House, MESSAGE, openHouse } from './house.ts';

const UNAVAILABLE = 'NO [UNAVAILABLE] The mail store cannot be reached now, try again later.';

let house: House;
let database: { away: boolean };
let client: ImapClient;
beforeEach(async () => {
  house = await openHouse({
    alter(store) {
      database = removable(store);
    },
  });
  await house.deliver(MESSAGE);
  client = await house.login();
});
afterEach(() => house.close());

/** Neither an error nor a warning. */
const complaints = (): string[] => house.log.lines.filter((line) => !/^(?:Login|Disconnected|Logged)/.test(line));

test('every command is refused for now, the session stays, and goes on when the store is back', async () => {
  await client.ok('SELECT INBOX');
  database.away = true;
  for (const command of [
    'SELECT Drafts',
    'LIST "" *',
    'STATUS INBOX (MESSAGES)',
    'CREATE New',
    'SUBSCRIBE New',
    'RENAME Drafts Other',
    'DELETE Drafts',
  ]) {
    expect([command, (await client.command(command)).completion]).toEqual([command, UNAVAILABLE]);
  }
  // SELECT has closed the mailbox, as it must.
  database.away = false;
  await client.ok('SELECT INBOX');
  database.away = true;
  for (const command of [
    'FETCH 1 (FLAGS ENVELOPE)',
    'FETCH 1 BODY[]',
    'STORE 1 +FLAGS (\\Flagged)',
    'COPY 1 Drafts',
    'MOVE 1 Drafts',
    'SEARCH TEXT cat',
    'EXPUNGE',
    'CLOSE',
  ])
    expect([command, (await client.command(command)).completion]).toEqual([command, UNAVAILABLE]);
  await client.ok('NOOP');
  database.away = false;
  expect(await client.ok('FETCH 1 BODY[TEXT]')).toContain('Hello cat');
  await client.ok('STORE 1 +FLAGS (\\Deleted)');
  expect(await client.ok('EXPUNGE')).toContain('* 1 EXPUNGE');
  expect(complaints()).toEqual([]);
});

test.each([
  ['a short message', MESSAGE],
  ['a long one', MESSAGE + 'x'.repeat(70).concat('\r\n').repeat(10_000)],
])('APPEND of %s is refused for now, and the message is not read as commands', async (_, message) => {
  // The mailbox is found before the store goes.
  const { find } = house.store.mailboxes;
  house.store.mailboxes.find = async (...args) => {
    const found = await find(...args);
    database.away = true;
    return found;
  };
  expect(await client.append('INBOX', message)).toBe(UNAVAILABLE);
  house.store.mailboxes.find = find;
  database.away = false;
  expect(await client.append('INBOX', message)).toMatch(/^OK \[APPENDUID \d+ 2\]/);
  expect(await client.ok('SELECT INBOX')).toContain('* 2 EXISTS');
  expect(complaints()).toEqual([]);
});

test('logins are refused for now, however often', async () => {
  const busy = await openHouse({
    authenticator: NO_LOGINS,
  });
  try {
    const other = await busy.connect();
    await other.line();
    for (let i = 0; i < 15; i += 1)
      expect((await other.command('LOGIN maomao maomao')).completion).toBe(
        'NO [UNAVAILABLE] Temporary authentication failure.',
      );
    await other.ok('NOOP');
  } finally {
    await busy.close();
  }
});

test('IDLE stays, and tells what comes when the store is back', async () => {
  await client.ok('SELECT INBOX');
  client.send('I IDLE\r\n');
  await client.until(/\+ idling\r\n/);
  database.away = true;
  await expect(house.deliver(MESSAGE)).rejects.toThrow('cannot be reached');
  database.away = false;
  await house.deliver(MESSAGE);
  expect(await client.until(/EXISTS\r\n/)).toContain('* 2 EXISTS');
  client.send('DONE\r\n');
  expect((await client.completion('I')).completion).toBe('OK Idle completed.');
});

test('whether the selected mailbox still exists is asked again when the store is back', async () => {
  await client.ok('CREATE Away');
  await client.ok('SELECT Away');
  const other = await house.login();
  await other.ok('SUBSCRIBE Away');
  database.away = true;
  await client.ok('NOOP');
  database.away = false;
  await client.ok('NOOP');
  await other.ok('DELETE Away');
  client.send('N NOOP\r\n');
  expect(await client.rest()).toContain('* BYE Selected mailbox was deleted, have to disconnect.');
});

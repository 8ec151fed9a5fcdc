/** Random octets, before and after login: every command gets exactly one answer, and the server never fails. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/server/imap/commands/table.ts';
import { type House, MESSAGE, openHouse } from './house.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse({ limits: { badCommands: 1_000_000, failedLogins: 1_000_000 } });
  await house.deliver(MESSAGE);
  await house.deliver(MESSAGE);
});
afterAll(() => house.close());

// LOGOUT, IDLE, AUTHENTICATE and STARTTLS change the dialog itself; they have their own tests.
const names = [...COMMANDS.keys()].filter((name) => !['LOGOUT', 'IDLE', 'AUTHENTICATE', 'STARTTLS'].includes(name));
const word = fc.constantFrom(
  ...[
    '1',
    '1:*',
    '2',
    '*',
    '0',
    '99',
    '4294967295',
    '(',
    ')',
    '()',
    '"',
    '""',
    '"a',
    'INBOX',
    'Sent',
    '%',
    '*/',
    '&',
    '&-',
    '{2+}\r\nab',
    '{0+}\r\n',
    '{3+}\r\n\xff\0\r',
    'FLAGS',
  ],
  ...[
    '+FLAGS',
    '-FLAGS.SILENT',
    '\\Seen',
    '(\\Deleted)',
    'BODY[]',
    'BODY.PEEK[1.2.MIME]<0.1>',
    'BODY[HEADER.FIELDS (A)]',
    '(FLAGS UID)',
    'FULL',
    'ALL',
    'OR',
    'NOT',
    'TEXT',
    'x',
    'SINCE',
  ],
  ...[
    '1-Jan-2020',
    'HEADER',
    'RETURN (ALL)',
    'RETURN (STATUS (MESSAGES))',
    '(MESSAGES SIZE)',
    '(SUBSCRIBED)',
    '(CONDSTORE)',
    '(CHANGEDSINCE 1)',
    '(UNCHANGEDSINCE 1)',
    'MODSEQ',
    '/shared/comment',
    '(/private/vendor/posthorn/forward "\\\\maomao, a@b.example")',
    '(MAXSIZE 1 DEPTH infinity)',
    '1',
    'NIL',
    '\t',
    '\xe4',
  ],
);
const line = fc.tuple(
  fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: word }),
  fc.array(word, { maxLength: 6 }),
  fc.constantFrom(' ', ' ', ' ', '', '  '),
);

test.each(['before login', 'logged in', 'with a mailbox selected'])('%s', async (state) => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 12 }), async (lines) => {
      const client = state === 'before login' ? await house.connect() : await house.login();
      if (state === 'with a mailbox selected') await client.ok('SELECT INBOX');
      for (const [name, words, separator] of lines) {
        client.send(`F ${[name, ...words].join(separator)}\r\n`);
        client.send('Z NOOP\r\n');
        const answer = await client.until(/(^|\r\n)Z (OK|BAD)[^\r\n]*\r\n/);
        expect(answer).not.toContain('SERVERBUG');
        expect(answer).toMatch(/(^|\r\n)(F|\*) (OK|NO|BAD)/);
      }
      client.destroy();
    }),
    { numRuns: 60 },
  );
  expect(house.log.lines.filter((text) => text.includes('failed') && !text.startsWith('Disconnected: '))).toEqual([]);
});

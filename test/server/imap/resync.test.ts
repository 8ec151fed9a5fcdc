/** QRESYNC (RFC 7162): a client that reconnects learns of all changes in one command. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, MESSAGE, openHouse } from './house.ts';

describe('QRESYNC', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());

  test('SELECT reports vanished and changed messages, and later expunges are reported as VANISHED', async () => {
    for (let i = 0; i < 6; i += 1) await house.deliver(MESSAGE);
    const client = await house.login();
    expect((await client.command('SELECT INBOX (QRESYNC (1 1))')).completion).toMatch(/^BAD Enable QRESYNC first/);
    expect(await client.ok('ENABLE QRESYNC')).toBe('* ENABLED QRESYNC\r\n');
    const first = await client.ok('SELECT INBOX');
    const [uidValidity, modseq] = [/UIDVALIDITY (\d+)/.exec(first)?.[1], /HIGHESTMODSEQ (\d+)/.exec(first)?.[1]];
    await client.ok('UNSELECT');

    const other = await house.login();
    await other.ok('SELECT INBOX');
    await other.ok('STORE 2,4:5 +FLAGS (\\Deleted)');
    await other.ok('EXPUNGE');
    await other.ok('UID STORE 3 +FLAGS (\\Flagged)');

    const back = await client.ok(`SELECT INBOX (QRESYNC (${uidValidity} ${modseq}))`);
    expect(back).toContain('* VANISHED (EARLIER) 2,4:5\r\n');
    expect(back).toMatch(/\* 2 FETCH \(UID 3 MODSEQ \(\d+\) FLAGS \(\\Flagged\)\)\r\n$/);
    expect(await client.ok(`SELECT INBOX (QRESYNC (${uidValidity} ${modseq} 1:3 (1 1)))`)).toContain(
      '* VANISHED (EARLIER) 2\r\n',
    );
    expect(await client.ok(`SELECT INBOX (QRESYNC (1 ${modseq}))`)).not.toContain('VANISHED');
    expect(await client.ok(`UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${modseq} VANISHED)`)).toMatch(
      /^\* VANISHED \(EARLIER\) 2,4:5\r\n\* 2 FETCH \(UID 3 FLAGS \(\\Flagged\) MODSEQ \(\d+\)\)\r\n$/,
    );

    await other.ok('UID STORE 1 +FLAGS.SILENT (\\Deleted)');
    await other.ok('EXPUNGE');
    expect(await client.ok('NOOP')).toBe('* VANISHED 1\r\n');
    await client.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
    const { untagged, completion } = await client.command('EXPUNGE');
    expect(untagged).toBe('* VANISHED 3\r\n');
    expect(completion).toMatch(/^OK \[HIGHESTMODSEQ \d+\] /);
  });

  test.each(['(QRESYNC)', '(QRESYNC (1))', '(QRESYNC (1 2 3:4 5))', '(QRESYNC (1 2 (1)))', '(FOO)', '()'])(
    'SELECT INBOX %s is BAD',
    async (parameters) => {
      const client = await house.login();
      await client.ok('ENABLE QRESYNC');
      expect((await client.command(`SELECT INBOX ${parameters}`)).completion).toMatch(/^BAD /);
      expect((await client.command('UID FETCH 1:* FLAGS (VANISHED)')).completion).toMatch(/^BAD /);
    },
  );
});

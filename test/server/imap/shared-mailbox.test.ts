/**
 * Several sessions on one mailbox: no session ever sees a wrong sequence number, and changes arrive at once
 * (requirements G2, D3).
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImapClient } from '../../kit/imap-client.ts';
import { type House, MESSAGE, openHouse } from './house.ts';

describe('two sessions on one mailbox', () => {
  let house: House;
  let box = 0;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());
  const both = async (messages: number): Promise<readonly [ImapClient, ImapClient, string]> => {
    box += 1;
    const name = `box${box}`;
    const [one, two] = await Promise.all([house.login(), house.login()]);
    await one.ok(`CREATE ${name}`);
    for (let i = 0; i < messages; i += 1) await house.deliver(MESSAGE, { mailbox: name });
    await one.ok(`SELECT ${name}`);
    await two.ok(`SELECT ${name}`);
    return [one, two, name];
  };

  test('D3: IDLE reports arrivals, flags and expunges as they happen', async () => {
    const [one, two, name] = await both(2);
    two.send('I IDLE\r\n');
    await two.until(/\+ idling\r\n/);
    await house.deliver(MESSAGE, { mailbox: name });
    expect(await two.until(/RECENT\r\n/)).toBe('* 3 EXISTS\r\n* 1 RECENT\r\n');
    await one.ok('STORE 2 +FLAGS (\\Deleted $New)');
    expect(await two.until(/FETCH.*\r\n/)).toMatch(
      /\* FLAGS \(.* \$New\)[\s\S]*\* 2 FETCH \(UID 2 FLAGS \(\\Deleted \$New\)\)\r\n$/,
    );
    await one.ok('EXPUNGE');
    expect(await two.line()).toBe('* 2 EXPUNGE');
    two.send('DONE\r\n');
    expect((await two.completion('I')).completion).toBe('OK Idle completed.');
  });

  test('a message is recent in the first session that is notified of it, whoever selects, examines or is notified later', async () => {
    const [one, two, name] = await both(1);
    const three = await house.login();
    const recent = async (client: ImapClient): Promise<string> =>
      /SEARCH ?(.*)\r\n/.exec(await client.ok('UID SEARCH RECENT'))?.[1] ?? '';
    const status = async (): Promise<string> => /RECENT \d+/.exec(await three.ok(`STATUS ${name} (RECENT)`))?.[0] ?? '';
    expect(await Promise.all([recent(one), recent(two)])).toEqual(['1', '']);

    await house.deliver(MESSAGE, { mailbox: name });
    expect(await status()).toBe('RECENT 1');
    expect(await two.ok('NOOP')).toBe('* 2 EXISTS\r\n* 1 RECENT\r\n');
    expect(await status()).toBe('RECENT 0');
    expect(await one.ok('NOOP')).toBe('* 2 EXISTS\r\n');
    expect(await Promise.all([recent(one), recent(two)])).toEqual(['1', '2']);
    expect(await two.ok('FETCH 1:2 FLAGS')).toBe('* 1 FETCH (FLAGS ())\r\n* 2 FETCH (FLAGS (\\Recent))\r\n');

    // EXAMINE reports \Recent without claiming it.
    await two.ok(`EXAMINE ${name}`);
    await house.deliver(MESSAGE, { mailbox: name });
    expect(await two.ok('NOOP')).toBe('* 3 EXISTS\r\n* 1 RECENT\r\n');
    expect(await status()).toBe('RECENT 1');
    // A session is the first to be notified of messages that it adds itself.
    expect(await one.append(name, MESSAGE)).toMatch(/^OK/);
    expect(await Promise.all([recent(one), recent(two)])).toEqual(['1 3 4', '3']);
    await two.ok('NOOP');
    expect(await recent(two)).toBe('3');
    expect((await three.command(`SELECT ${name}`)).untagged).toContain('* 0 RECENT\r\n');

    // The store is informed when the last session has left.
    for (const client of [one, two, three]) await client.ok('UNSELECT');
    await house.deliver(MESSAGE, { mailbox: name });
    expect((await three.command(`SELECT ${name}`)).untagged).toContain('* 1 RECENT\r\n');
    expect((await one.command(`SELECT ${name}`)).untagged).toContain('* 0 RECENT\r\n');
  });

  test('EXPUNGE is not reported during FETCH, STORE and SEARCH, and the response says that messages are gone', async () => {
    const [one, two] = await both(3);
    await one.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
    await one.ok('EXPUNGE');
    const fetched = await two.command('FETCH 1:3 UID');
    expect(fetched.untagged).not.toContain('EXPUNGE');
    expect(fetched.untagged).toContain('* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\n');
    expect(fetched.completion).toMatch(/^OK \[EXPUNGEISSUED\]/);
    expect((await two.command('STORE 1 +FLAGS (\\Seen)')).completion).toMatch(/^OK \[EXPUNGEISSUED\]/);
    expect(await two.command('SEARCH ALL')).toEqual({
      untagged: '* SEARCH 1 2 3\r\n',
      completion: 'OK Search completed.',
    });
    expect(await two.command('SEARCH SUBJECT hello')).toEqual({
      untagged: '* SEARCH 2 3\r\n',
      completion: 'OK [EXPUNGEISSUED] Search completed.',
    });
    const last = await two.command('UID FETCH 1:3 UID');
    expect(last.untagged).toMatch(/^\* 2 FETCH \(UID 2\)\r\n\* 3 FETCH \(UID 3\)\r\n\* 1 EXPUNGE\r\n/);
    expect(last.completion).toMatch(/^OK \[EXPUNGEISSUED\]/);
    expect(await two.ok('FETCH 1 UID')).toBe('* 1 FETCH (UID 2)\r\n');
  });

  test('a session is notified once of its own change', async () => {
    const [one] = await both(2);
    expect(await one.ok('STORE 1 +FLAGS (\\Seen)')).toBe('* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n');
    expect(await one.ok('STORE 2 +FLAGS.SILENT (\\Seen)')).toBe('');
    expect(await one.ok('NOOP')).toBe('');
    expect(await one.ok('NOOP')).toBe('');
  });

  /** A client's view: UIDs by sequence number (0: not known yet), from untagged responses only. */
  class Belief {
    uids: number[] = [];
    flags = new Map<number, string>();

    hear(untagged: string): void {
      for (const line of untagged.split('\r\n')) {
        const [, number = '', word] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH)/.exec(line) ?? [];
        const n = Number(number);
        if (word === 'EXISTS') {
          expect(n).toBeGreaterThanOrEqual(this.uids.length);
          while (this.uids.length < n) this.uids.push(0);
        } else if (word === 'EXPUNGE') {
          expect(n).toBeLessThanOrEqual(this.uids.length);
          this.uids.splice(n - 1, 1);
        } else if (word === 'FETCH') {
          expect(n).toBeLessThanOrEqual(this.uids.length);
          const uid = Number(/UID (\d+)/.exec(line)?.[1] ?? this.uids[n - 1]);
          const believed = this.uids[n - 1] ?? 0;
          if (believed !== 0 && uid !== 0) expect(uid).toBe(believed);
          if (uid !== 0) this.uids[n - 1] = uid;
          const flags = /FLAGS \(([^)]*)\)/.exec(line)?.[1];
          if (flags !== undefined && uid !== 0) this.flags.set(uid, flags.replace(/ ?\\Recent/, ''));
        }
      }
    }
  }

  test('D3: sequence numbers and flags stay correct under random operations of two sessions', async () => {
    const which = fc.nat({ max: 1 });
    const pick = fc.nat({ max: 20 });
    const action = fc.oneof(
      fc.record({
        who: which,
        what: fc.constantFrom('NOOP', 'EXPUNGE', 'SEARCH', 'APPEND', 'IDLE', 'REFETCH'),
        at: pick,
      }),
      fc.record({
        who: which,
        what: fc.constantFrom(
          'DELETE',
          'FLAG',
          'UNFLAG',
          'FETCH',
          'UIDFETCH',
          'BODY',
          'COPY',
          'MOVE',
          'UIDSTORE',
          'SILENT',
        ),
        at: pick,
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(action, { minLength: 1, maxLength: 3 }), { minLength: 5, maxLength: 25 }),
        async (rounds) => {
          const [one, two, name] = await both(4);
          const clients = [one, two] as const;
          const beliefs = [new Belief(), new Belief()] as const;
          for (const i of [0, 1] as const) {
            beliefs[i].uids = [0, 0, 0, 0];
            beliefs[i].hear(await clients[i].ok('FETCH 1:* (UID FLAGS)'));
          }
          const run = async (who: 0 | 1, what: string, at: number): Promise<void> => {
            const client = clients[who];
            const belief = beliefs[who];
            const count = belief.uids.length;
            const number = count === 0 ? 0 : (at % count) + 1;
            const uid = belief.uids[number - 1] ?? 0;
            const say = async (text: string): Promise<void> => {
              const { untagged, completion } = await client.command(text);
              belief.hear(untagged);
              if (/^(FETCH|STORE|SEARCH)/.test(text)) expect(untagged).not.toMatch(/EXPUNGE/);
              if (text.startsWith('FETCH') || text.startsWith('UID')) expect(completion).not.toMatch(/^BAD/);
            };
            switch (what) {
              case 'APPEND':
                await house.deliver(MESSAGE, { mailbox: name });
                return;
              case 'IDLE': {
                client.send('I IDLE\r\n');
                belief.hear(await client.until(/\+ idling\r\n/));
                client.send('DONE\r\n');
                belief.hear((await client.completion('I')).untagged);
                return;
              }
              case 'NOOP':
              case 'EXPUNGE':
                return say(what);
              case 'SEARCH':
                return say('SEARCH UNDELETED');
            }
            if (number === 0) return;
            switch (what) {
              case 'REFETCH':
                return say('FETCH 1:* (UID FLAGS)');
              case 'DELETE':
                return say(`STORE ${number} +FLAGS (\\Deleted)`);
              case 'FLAG':
                return say(`STORE ${number}:* +FLAGS (\\Flagged)`);
              case 'UNFLAG':
                return say(`STORE ${number} -FLAGS (\\Flagged)`);
              case 'SILENT':
                belief.flags.delete(uid);
                return say(`STORE ${number} +FLAGS.SILENT (\\Answered)`);
              case 'FETCH':
                return say(`FETCH ${number} (UID FLAGS)`);
              case 'BODY':
                return say(`FETCH ${number} (UID BODY[TEXT])`);
              case 'UIDFETCH':
                return say('UID FETCH 1:* FLAGS');
              case 'UIDSTORE':
                return uid === 0 ? undefined : say(`UID STORE ${uid} FLAGS (\\Deleted \\Seen)`);
              case 'COPY':
                return say(`COPY ${number} ${name}`);
              case 'MOVE':
                return say(`MOVE ${number} ${name}`);
            }
          };
          for (const round of rounds) {
            // Both sessions run at the same time, each with its own commands in order.
            const turns = ([0, 1] as const).map(async (who) => {
              for (const { who: doer, what, at } of round) if (doer === who) await run(who, what, at);
            });
            await Promise.all(turns);
          }
          const mailbox = await house.store.mailboxes.find(house.account.id, name);
          if (mailbox === null) throw new Error('the mailbox is gone');
          const { uids } = await house.store.mailboxes.open(mailbox.id, { claimRecent: false });
          const truth = new Map<number, string>();
          for await (const rows of house.store.mailboxes.rows(mailbox.id, [[1, 4294967295]], {}))
            for (const row of rows) truth.set(row.uid, row.flags.join(' '));
          for (const i of [0, 1] as const) {
            beliefs[i].hear(await clients[i].ok('NOOP'));
            for (const [uid, flags] of beliefs[i].flags)
              if (truth.has(uid)) expect([uid, flags]).toEqual([uid, truth.get(uid)]);
            if (uids.length > 0) beliefs[i].hear(await clients[i].ok('FETCH 1:* (UID FLAGS)'));
            expect(beliefs[i].uids).toEqual([...uids]);
            clients[i].destroy();
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

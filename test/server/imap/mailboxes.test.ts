/** CREATE, DELETE, RENAME, LIST, LSUB, STATUS, SELECT and related commands over a socket. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImapClient } from '../../kit/imap-client.ts';
import { type House, MESSAGE, openHouse } from './house.ts';

describe('mailboxes', () => {
  let house: House;
  let client: ImapClient;
  beforeAll(async () => {
    house = await openHouse();
    client = await house.login();
  });
  afterAll(() => house.close());
  const completion = async (text: string): Promise<string> => (await client.command(text)).completion;
  const names = (told: string): string[] =>
    [...told.matchAll(/^\* (?:LIST|LSUB) \([^)]*\) "\/" (.*)\r$/gm)].map((match) => match[1] ?? '');

  test('D5: a new account has the default mailboxes with their special uses', async () => {
    expect(await client.ok('LIST "" *')).toBe(
      '* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\HasNoChildren \\Archive) "/" Archive\r\n* LIST (\\HasNoChildren \\Drafts) "/" Drafts\r\n' +
        '* LIST (\\HasNoChildren \\Junk) "/" Junk\r\n* LIST (\\HasNoChildren \\Sent) "/" Sent\r\n* LIST (\\HasNoChildren \\Trash) "/" Trash\r\n',
    );
    expect(await client.ok('LIST "" ""')).toBe('* LIST (\\Noselect) "/" ""\r\n');
    expect(await client.ok('NAMESPACE')).toBe('* NAMESPACE (("" "/")) NIL NIL\r\n');
  });

  test('CREATE also creates superiors, ignores a trailing separator, and refuses an existing name', async () => {
    await client.ok('CREATE a/b/c/');
    expect(names(await client.ok('LIST "" a*'))).toEqual(['a', 'a/b', 'a/b/c']);
    expect(names(await client.ok('LIST a/ %'))).toEqual(['a/b']);
    expect(await completion('CREATE a/b')).toMatch(/^NO \[ALREADYEXISTS\]/);
    expect(await completion('CREATE inbox')).toMatch(/^NO \[ALREADYEXISTS\]/);
    for (const bad of ['x//y', '/x', '"\x01"'])
      expect(await completion(`CREATE ${bad}`)).toMatch(/^(NO \[CANNOT\]|BAD)/);
    expect(await completion('CREATE &bad')).toMatch(/^NO \[CANNOT\] .*UTF-7/);
    expect(await completion('CREATE Flagged (USE (\\Flagged))')).toMatch(/^OK/);
    expect(await client.ok('LIST (SPECIAL-USE) "" *')).toContain('\\Flagged) "/" Flagged');
    expect(await completion('CREATE Odd (USE (\\Odd))')).toMatch(/^NO \[USEATTR\]/);
  });

  test.each(['SELECT', 'EXAMINE', 'CREATE', 'DELETE', 'RENAME INBOX', 'SUBSCRIBE', 'UNSUBSCRIBE', 'STATUS', 'APPEND'])(
    'an invalid mailbox name is NO for %s',
    async (name) => {
      const more = name === 'STATUS' ? ' (MESSAGES)' : name === 'APPEND' ? ' {8+}\r\nx NOOP\r\n' : '';
      for (const mailbox of ['&bad', '&Jjo', '"\x01"', '"\xc3\xbc"', `"${'x'.repeat(1200)}"`])
        expect(await completion(`${name} ${mailbox}${more}`)).toMatch(/^NO \[CANNOT\] Mailbox name/);
    },
  );

  test('a pattern that matches no name lists nothing', async () => {
    for (const text of ['LIST "" &bad', 'LIST &bad *', 'LSUB "" &bad', 'LSUB &bad *', `LIST "" "${'x'.repeat(1200)}"`])
      expect(await client.ok(text)).toBe('');
    expect(names(await client.ok('LIST "" (&bad INBOX)'))).toEqual(['INBOX']);
  });

  test('non-ASCII names are returned as they were sent', async () => {
    await client.ok('CREATE &XfJT0ZAB-');
    expect(names(await client.ok('LIST "" &XfJT0ZAB-'))).toEqual(['&XfJT0ZAB-']);
    expect((await house.store.mailboxes.find(house.account.id, '已发送'))?.name).toBe('已发送');
    await client.ok('CREATE "with space"');
    expect(names(await client.ok('LIST "" with*'))).toEqual(['"with space"']);
  });

  test('RENAME is refused, and renames nothing, if an inferior of the new name already exists', async () => {
    for (const name of ['from/c', 'onto/c']) await client.ok(`CREATE ${name}`);
    await client.ok('DELETE onto');
    expect(await completion('RENAME from onto')).toMatch(/^NO \[ALREADYEXISTS\]/);
    expect(names(await client.ok('LIST "" from*'))).toEqual(['from', 'from/c']);
    expect(names(await client.ok('LIST "" onto*'))).toEqual(['onto', 'onto/c']);
    for (const name of ['from/c', 'from', 'onto/c']) await client.ok(`DELETE ${name}`);
  });

  test('a name that only looks like INBOX in another alphabet is a different mailbox', async () => {
    await client.ok('CREATE &ATE-nbox');
    expect(names(await client.ok('LIST "" &ATE-nbox'))).toEqual(['&ATE-nbox']);
    await client.ok('DELETE &ATE-nbox');
  });

  test('RENAME also renames inferiors; for INBOX it moves only the messages', async () => {
    await client.ok('CREATE old/inner');
    await client.ok('RENAME old new/place');
    expect(names(await client.ok('LIST "" new*'))).toEqual(['new', 'new/place', 'new/place/inner']);
    expect(await completion('RENAME nothing x')).toMatch(/^NO \[NONEXISTENT\]/);
    expect(await completion('RENAME new a')).toMatch(/^NO \[ALREADYEXISTS\]/);
    expect(await completion('RENAME new new/below')).toMatch(/^NO \[CANNOT\]/);
    await house.deliver(MESSAGE);
    await client.ok('RENAME INBOX kept');
    expect(await client.ok('STATUS kept (MESSAGES)')).toBe('* STATUS kept (MESSAGES 1)\r\n');
    expect(await client.ok('STATUS inbox (MESSAGES)')).toBe('* STATUS INBOX (MESSAGES 0)\r\n');
  });

  test('DELETE keeps inferiors, and the deleted superior becomes \\Noselect', async () => {
    await client.ok('CREATE top/below');
    await client.ok('DELETE top');
    expect(await client.ok('LIST "" top%')).toBe('* LIST (\\NonExistent \\Noselect \\HasChildren) "/" top\r\n');
    expect(await completion('SELECT top')).toMatch(/^NO \[NONEXISTENT\]/);
    expect(await completion('DELETE top')).toMatch(/^NO \[NONEXISTENT\]/);
    expect(await completion('DELETE INBOX')).toMatch(/^NO \[CANNOT\]/);
  });

  test('a subscription remains after its mailbox is deleted', async () => {
    await client.ok('CREATE sub/one');
    await client.ok('SUBSCRIBE sub/one');
    expect(await client.ok('LSUB "" sub/*')).toBe('* LSUB () "/" sub/one\r\n');
    expect(await client.ok('LSUB "" sub%')).toBe('* LSUB (\\Noselect) "/" sub\r\n');
    expect(await client.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" sub%')).toContain(
      '"/" sub ("CHILDINFO" ("SUBSCRIBED"))\r\n',
    );
    // CHILDINFO reports subscribed inferiors that are not listed themselves (RFC 5258 section 4).
    await client.ok('CREATE sub/two/three');
    await client.ok('SUBSCRIBE sub');
    await client.ok('SUBSCRIBE sub/two/three');
    const told = async (patterns: string): Promise<string[]> =>
      (await client.ok(`LIST (SUBSCRIBED RECURSIVEMATCH) "" ${patterns}`))
        .split('\r\n')
        .flatMap((line) => /"\/" (.*)$/.exec(line)?.[1] ?? []);
    const info = ' ("CHILDINFO" ("SUBSCRIBED"))';
    expect(await told('sub*')).toEqual(['sub', 'sub/one', 'sub/two/three']);
    expect(await told('sub%')).toEqual([`sub${info}`]);
    expect(await told('(sub sub/two)')).toEqual([`sub${info}`, `sub/two${info}`]);
    expect(await told('(sub sub/one)')).toEqual([`sub${info}`, 'sub/one']);
    expect(await told('(sub/two sub/two/three)')).toEqual(['sub/two/three']);
    for (const name of ['sub', 'sub/two/three']) await client.ok(`UNSUBSCRIBE ${name}`);
    for (const name of ['sub/two/three', 'sub/two']) await client.ok(`DELETE ${name}`);
    await client.ok('DELETE sub/one');
    expect(await client.ok('LIST (SUBSCRIBED) "" sub/*')).toBe(
      '* LIST (\\NonExistent \\Noselect \\Subscribed \\HasNoChildren) "/" sub/one\r\n',
    );
    expect(names(await client.ok('LIST "" sub/*'))).toEqual([]);
    await client.ok('UNSUBSCRIBE sub/one');
    expect(names(await client.ok('LSUB "" sub/*'))).toEqual([]);
    expect(await completion('SUBSCRIBE nowhere')).toMatch(/^NO \[NONEXISTENT\]/);
  });

  test('STATUS and LIST … RETURN (STATUS …) return the counts', async () => {
    await client.ok('CREATE counted');
    await house.deliver(MESSAGE, { mailbox: 'counted' });
    await house.deliver(MESSAGE, { mailbox: 'counted', flags: ['\\Seen', '\\Deleted'] });
    expect(await client.ok('STATUS counted (MESSAGES RECENT UIDNEXT UNSEEN DELETED SIZE)')).toBe(
      `* STATUS counted (MESSAGES 2 RECENT 2 UIDNEXT 3 UNSEEN 1 DELETED 1 SIZE ${2 * MESSAGE.length})\r\n`,
    );
    expect(await client.ok('LIST "" (counted nothing) RETURN (CHILDREN STATUS (MESSAGES))')).toBe(
      '* LIST (\\HasNoChildren) "/" counted\r\n* STATUS counted (MESSAGES 2)\r\n',
    );
    expect(await completion('STATUS counted (BOGUS)')).toMatch(/^BAD/);
  });

  test('SELECT reports the first unseen message, EXAMINE claims no recent messages, UNSELECT and CLOSE close the mailbox', async () => {
    expect((await client.command('EXAMINE counted')).completion).toMatch(/^OK \[READ-ONLY\]/);
    const selected = await client.command('SELECT counted');
    expect(selected.untagged).toMatch(/^\* OK \[CLOSED\] /);
    expect(selected.untagged).toContain('* 2 EXISTS\r\n* 2 RECENT\r\n* OK [UNSEEN 1] ');
    expect((await client.command('SELECT counted')).untagged).toContain('* 0 RECENT\r\n');
    expect(await completion('SELECT nowhere')).toMatch(/^NO \[NONEXISTENT\]/);
    expect(await completion('FETCH 1 FLAGS')).toMatch(/^BAD .*no mailbox is selected/);
    await client.ok('SELECT counted');
    await client.ok('UNSELECT');
    expect(await client.ok('STATUS counted (MESSAGES)')).toContain('MESSAGES 2');
  });

  test('a session is disconnected when another session deletes its mailbox', async () => {
    const other = await house.login();
    await client.ok('CREATE doomed');
    await other.ok('SELECT doomed');
    await client.ok('DELETE doomed');
    other.send('X NOOP\r\n');
    expect(await other.rest()).toMatch(/^\* BYE Selected mailbox was deleted/);
  });
});

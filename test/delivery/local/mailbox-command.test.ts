/** mailbox_command and mailbox_command_maps: who gets a program instead of the mailbox. */
import { chmodSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';

/** A user of this machine whose rights a test may take. */
const user = userInfo().username === 'root' ? 'games' : userInfo().username;
const TEXT = 'Message-Id: <1@x>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nFrom: a@b.example\r\n\r\nbody\r\n';

let folder: string;
let house: TestHouse;
beforeEach(() => {
  folder = temporaryFolder('mailbox-command');
  chmodSync(folder, 0o777);
});
afterEach(async () => {
  await house.stop();
  removeFolder(folder);
});

/** What the log says of mail to these users. */
async function deliver(settings: Readonly<Record<string, string>>, names: readonly string[]): Promise<string[]> {
  house = await openHouse({
    accounts: [`${user}@baidu.com`, 'no-such-user@baidu.com'],
    settings: { recipient_delimiter: '+', queue_directory: '/', ...settings },
    tables: tablesOf({ 'inline:{commands}': (key) => (key === user ? 'exit 67' : undefined) }),
  });
  house.runner.start();
  for (const name of names) await house.submit({ to: [`${name}@baidu.com`], reversePath: '' }, TEXT);
  await house.runner.idle();
  return house.lines.flatMap(
    (line) => / to=<(?!postmaster@).*(status=.*)$/.exec(line)?.[1]?.replaceAll(folder, 'DIR') ?? [],
  );
}

describe('P10: mailbox_command', () => {
  it('gets the mail of a user of this machine, with its rights; another account keeps its mailbox', async () => {
    const command = `(cat; id -un) > ${folder}/"$USER-$EXTENSION"`;
    expect(await deliver({ mailbox_command: command }, [`${user}+x`, 'no-such-user'])).toEqual(
      expect.arrayContaining([
        'status=sent (delivered to command: (cat; id -un) > DIR/"$USER-$EXTENSION")',
        'status=sent (delivered to mailbox)',
      ]),
    );
    const text = readFileSync(join(folder, `${user}-x`), 'utf8');
    expect(text).toMatch(new RegExp(`^Delivered-To: ${user}\\+x@baidu\\.com$`, 'm'));
    expect(text.endsWith(`\nbody\n${user}\n`)).toBe(true);
    expect(await house.inbox(`${user}@baidu.com`)).toEqual([]);
    expect(await house.inbox('no-such-user@baidu.com')).toHaveLength(1);
  });

  it('is not asked where mailbox_command_maps has a command for the user', async () => {
    const settings = { mailbox_command: 'exit 0', mailbox_command_maps: 'inline:{commands}' };
    expect(await deliver(settings, [user])).toEqual(['status=bounced (user unknown)']);
  });

  it('is decided at each attempt: the item names no command', async () => {
    expect(await deliver({ mailbox_command: 'exit 75' }, [user])).toEqual(['status=deferred (temporary failure)']);
    expect((await house.queue()).map(({ destination }) => destination)).toEqual([`Mailbox command ${user}`]);
  });
});

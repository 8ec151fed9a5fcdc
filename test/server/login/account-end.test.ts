/** Removing or disabling an account, or changing its password, ends its open sessions in all three protocols. */
import { afterEach, describe, expect, it } from 'vitest';
import { NEXT } from '../../../src/bus/hook.ts';
import { SmtpClient } from '../../kit/smtp-client.ts';
import { openHouse as openImap } from '../imap/house.ts';
import { House as Pop3House } from '../pop3/house.ts';
import { openHouse as openSmtp } from '../smtp/house.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const house of open.splice(0)) await house.close();
});
const LOGIN = `AUTH PLAIN ${Buffer.from('\0maomao\0maomao').toString('base64')}`;

describe('IMAP', () => {
  const house = async (): Promise<Awaited<ReturnType<typeof openImap>>> => {
    const opened = await openImap();
    open.push(opened);
    return opened;
  };

  it('waiting and idle sessions get BYE at once; sessions of other accounts stay', async () => {
    const { store, account, login, log } = await house();
    await store.directory.create({ address: 'xixi@baidu.com', passwordHash: '{PLAIN}xixi' });
    const [resting, idle, other] = [await login(), await login(), await login('xixi')];
    await idle.ok('SELECT INBOX');
    idle.send('I IDLE\r\n');
    await idle.until(/\+ idling\r\n/);
    await store.directory.update(account.id, { disabled: true });
    expect(await resting.rest()).toBe('* BYE Account was disabled.\r\n');
    expect(await idle.rest()).toContain('* BYE Account was disabled.\r\n');
    await other.ok('NOOP');
    await expect.poll(() => log.lines.filter((line) => line === 'Disconnected: Account was disabled').length).toBe(2);
  });

  it('a removed account can read nothing more, and a new password also ends the session', async () => {
    const { store, account, login } = await house();
    const first = await login();
    await store.directory.update(account.id, { passwordHash: '{PLAIN}new' });
    expect(await first.rest()).toBe('* BYE Password was changed.\r\n');
    await store.directory.update(account.id, { passwordHash: '{PLAIN}maomao' });
    const second = await login();
    await store.directory.update(account.id, { quota: 7 });
    await second.ok('NOOP');
    await store.directory.remove(account.id);
    expect(await second.rest()).toBe('* BYE Account was removed.\r\n');
  });

  it('an account that is removed while plugins are asked about its login does not get in', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const opened = await openImap({
      hooks: {
        has: () => true,
        run: async () => {
          asked.resolve();
          await answer.promise;
          return { code: 'NEXT' };
        },
      },
    });
    open.push(opened);
    const client = await opened.connect();
    await client.line();
    const answered = client.command('LOGIN maomao maomao');
    await asked.promise;
    await opened.store.directory.update(opened.account.id, { disabled: true });
    answer.resolve();
    expect((await answered).completion).toBe('NO [AUTHENTICATIONFAILED] Authentication failed.');
  });
});

describe('POP3', () => {
  it('a session ends with -ERR [SYS/PERM]; messages that it marked are not deleted', async () => {
    const house = await Pop3House.open();
    open.push(house);
    await house.deliver('Subject: x\n\nx\n');
    const client = await house.login();
    await client.ask('DELE 1');
    await house.store.directory.update(house.account.id, { disabled: true });
    expect(await client.rest()).toBe('-ERR [SYS/PERM] Account was disabled.\r\n');
    expect(await house.inbox()).toHaveLength(1);
  });
});

describe('SMTP', () => {
  const dialog = async (
    hooks: NonNullable<Parameters<typeof openSmtp>[0]>['hooks'] = {},
  ): Promise<{ house: Awaited<ReturnType<typeof openSmtp>>; client: SmtpClient }> => {
    const house = await openSmtp({ hooks });
    open.push(house);
    const client = await SmtpClient.open(house.port);
    await client.reply();
    await client.say('EHLO mail.test.com');
    expect(await client.say(LOGIN)).toMatch(/^235 /);
    return { house, client };
  };

  it('a session ends with 421 4.7.0 and can no longer relay', async () => {
    const { house, client } = await dialog();
    await client.say('MAIL FROM:<maomao@baidu.com>');
    expect(await client.say('RCPT TO:<far@elsewhere.test>')).toMatch(/^250 /);
    house.endAccount('Account was removed');
    expect(await client.reply()).toBe('421 4.7.0 mail.baidu.com Error: account was removed');
    expect(await client.reply()).toBe('');
    expect(house.log).toContainEqual(
      expect.stringMatching(/^account was removed: ending the session of .*\[127\.0\.0\.1\], sasl_username=maomao$/),
    );
    client.end();
    await expect.poll(() => house.watched).toBe(0);
  });

  it('a message still being sent is not accepted', async () => {
    const { house, client } = await dialog();
    for (const line of ['MAIL FROM:<maomao@baidu.com>', 'RCPT TO:<far@elsewhere.test>', 'DATA']) await client.say(line);
    client.send('Subject: x\r\n\r\nx\r\n');
    await expect.poll(() => house.taken[0]?.body.length).toBeGreaterThan(0);
    house.endAccount('Account was disabled');
    expect(await client.reply()).toMatch(/^421 4\.7\.0 /);
    client.send('.\r\nNOOP\r\n');
    client.end();
    expect(await client.reply()).toBe('');
    await expect.poll(() => house.smtp.sessions).toBe(0);
    expect(house.taken.map(({ outcome }) => outcome)).toEqual(['aborted']);
  });

  it('a message is not accepted either while plugins are asked about its DATA', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const { house, client } = await dialog({
      data: async () => {
        asked.resolve();
        await answer.promise;
        return NEXT;
      },
    });
    for (const line of ['MAIL FROM:<maomao@baidu.com>', 'RCPT TO:<far@elsewhere.test>']) await client.say(line);
    client.send('DATA\r\n');
    await asked.promise;
    house.endAccount('Account was disabled');
    client.send('Subject: x\r\n\r\nx\r\n.\r\n');
    client.end();
    answer.resolve();
    expect(await client.reply()).toMatch(/^354 /);
    expect(await client.reply()).toMatch(/^421 4\.7\.0 /);
    expect(await client.reply()).toBe('');
    await expect.poll(() => house.smtp.sessions).toBe(0);
    expect(house.taken.map(({ outcome }) => outcome)).toEqual(['aborted']);
  });

  it('the account is no longer watched after its session has ended', async () => {
    const { house, client } = await dialog();
    expect(house.watched).toBe(1);
    await client.say('QUIT');
    client.end();
    await expect.poll(() => house.watched).toBe(0);
  });
});

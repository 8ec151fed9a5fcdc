/** The server that plugin authors test with: everything that it offers, used as a test of a plugin would. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

const folder = temporaryFolder('authoring');
const ROOT = new URL('../..', import.meta.url).pathname;
/** The test runner resolves modules itself. */
const FACE = join(ROOT, 'src/bus/plugin.ts');

/** A greylist with a pause from its settings, a folder by header, and a refusal of logins. */
const PLUGIN = `import { definePlugin, deny, denySoft, NEXT, OK, reply } from ${JSON.stringify(FACE)};
export default definePlugin({
  name: 'watch',
  register(server) {
    const pause = Number(server.config['minutes'] ?? 5) * 60_000;
    if (Number.isNaN(pause)) throw new Error('plugins.d/watch.json: "minutes" must be a number');
    const seen = new Map();
    server.on('rcpt', ({ connection, recipient }) => {
      if (connection.user !== null) return NEXT;
      const key = connection.remote.ip + ' ' + recipient.address;
      if (!seen.has(key)) seen.set(key, server.clock());
      return server.clock() - seen.get(key) < pause ? denySoft(reply(450, '4.2.0', 'Come back later, ' + connection.remote.name)) : NEXT;
    });
    server.on('deliver', (delivery) => {
      if (delivery.header.get('List-Id') !== null) delivery.mailbox = 'Lists';
      server.log.info({ account: delivery.account.address }, 'put into ' + delivery.mailbox);
      return NEXT;
    });
    server.on('imap_login', () => deny());
    server.on('queue', async ({ transaction }) => {
      const asked = transaction.header.get('X-Send');
      if (asked === null) return NEXT;
      try {
        const mail = JSON.parse(asked);
        const message = mail.message === 'long' ? 'x'.repeat(120_000) : mail.message;
        const id = await server.send({ ...mail, message });
        server.log.info({}, 'sent ' + id);
      } catch (error) {
        server.log.info({}, 'not sent: ' + error.message);
      }
      return NEXT;
    });
    server.on('helo', async ({ name }) => {
      if (!name.startsWith('count')) return NEXT;
      const count = await server.state.update('count', (before = 0) => before + 1, { expires: 3600 });
      await server.state.set('last/' + name, { count });
      return deny(reply(550, '5.7.1', [count, await server.state.keys('last/'), JSON.stringify(await server.state.get('last/' + name))].join(' ')));
    });
    server.on('vrfy', async ({ address }) => {
      for (const act of [() => server.state.set('', 1), () => server.state.set('x'.repeat(501), 1), () => server.state.set('x', undefined), () => server.state.set('x', 'x'.repeat(300000)), () => server.state.set('x', 1, { expires: -1 })])
        await act().then(() => server.log.warn({}, 'taken'), (error) => server.log.info({}, 'refused: ' + error.message));
      return NEXT;
    });
    server.on('dns_query', ({ question, type, remoteIp, answer }) => {
      const name = question.name.toLowerCase();
      if (name === 'gone.example.org.') answer.rcode = 'NXDOMAIN';
      else if (name === 'odd.example.org.') answer.records.push('@ A not-an-address');
      else if (name !== 'who.example.org.') return NEXT;
      else if (type === 'TXT') answer.records.push('@ 5 TXT "you are ' + remoteIp + '"', '@ TXT second');
      else if (type === 'A') answer.records.push('@ CNAME alias.example.net.', 'alias.example.net. A 192.0.2.8');
      return OK;
    });
  },
});
`;

let server: TestServer;
beforeAll(async () => {
  mkdirSync(join(folder, 'watch'));
  writeFileSync(join(folder, 'watch/index.ts'), PLUGIN);
  server = await startTestServer({
    plugins: [join(folder, 'watch')],
    accounts: ['user@example.test', 'other@example.test'],
    zones: {
      'example.org': '@ MX 10 mail\nmail A 203.0.113.9',
      '113.0.203.in-addr.arpa': '9 PTR mail.example.org.',
    },
    mainCf: {
      smtpd_recipient_limit: '2',
      message_size_limit: '50000',
      virtual_alias_maps: 'hash:/etc/postfix/virtual',
    },
    files: { virtual: 'both@example.test user@example.test, other@example.test\n' },
    now: '2026-03-01',
  });
});
afterAll(async () => {
  await server.close();
  removeFolder(folder);
});

const LETTER = { from: 'a@example.org', to: 'user@example.test' };

describe('a test server', () => {
  it('has a clock that moves only when it is told to, and resolves names from the zones of the test', async () => {
    expect(new Date(server.clock.now).toISOString()).toBe('2026-03-01T00:00:00.000Z');
    expect(await server.send(LETTER)).toBe('450 4.2.0 Come back later, mail.example.org');
    expect(await server.send(LETTER)).toBe('450 4.2.0 Come back later, mail.example.org');
    server.clock.advance({ minutes: 5 });
    expect(await server.send(LETTER)).toMatch(/^250 2\.0\.0 Ok: queued as /);
    const [message] = await server.messages('user@example.test');
    expect(message?.header.get('Received')).toContain('from client.example.org (mail.example.org [203.0.113.9])');
    expect(message?.header.get('Received')).toContain('Sun, 1 Mar 2026 00:05:00 +0000');
    expect(await server.lookUp('example.org', 'MX')).toMatchObject([{ exchange: 'mail.example.org', priority: 10 }]);
    await expect(server.lookUp('elsewhere.example', 'A')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('is asked by clients of any address, line by line or in one go', async () => {
    expect(await server.send({ ...LETTER, ip: '198.51.100.1' })).toBe('450 4.2.0 Come back later, unknown');
    expect(await server.send({ ...LETTER, ip: '2001:db8::1' })).toBe('450 4.2.0 Come back later, unknown');
    const dialog = await server.connect({ ip: '192.0.2.5' });
    expect(dialog.greeting).toBe('220 mail.example.test ESMTP Posthorn');
    expect(await dialog.say('EHLO client.example.org')).toContain('250-PIPELINING');
    expect(await dialog.say('MAIL FROM:<a@example.org>')).toBe('250 2.1.0 Ok');
    expect(await dialog.say('RCPT TO:<nobody@example.test>')).toMatch(/^[45]50 /);
    dialog.close();
  });

  it('shows what is in mailboxes and in the queue; nothing leaves it', async () => {
    const to = ['both@example.test', 'friend@elsewhere.example'];
    const header = { 'List-Id': '<news.example.org>', Subject: 'Grüße' };
    expect(
      await server.send({ from: 'user@example.test', to, header, text: '.dot\n..\n', user: 'user@example.test' }),
    ).toMatch(/^250 /);
    const lists = await server.messages('other@example.test', 'Lists');
    expect(lists.map(({ header: fields, text }) => [fields.get('Subject'), text.split('\r\n\r\n')[1]])).toEqual([
      ['Grüße', '.dot\r\n..\r\n'],
    ]);
    expect(await server.messages('other@example.test', 'No such')).toEqual([]);
    expect(await server.queued()).toMatchObject([
      { sender: 'user@example.test', recipient: 'friend@elsewhere.example', text: expect.stringContaining('List-Id') },
    ]);
    expect(await server.logged(/^put into Lists$/)).toMatchObject({ plugin: 'watch', account: expect.any(String) });
    await expect(server.messages('nobody@example.test')).rejects.toThrow('name it in "accounts" of startTestServer');
  });

  it('is logged in to by mail programs', async () => {
    expect(await server.logIn('pop3', 'user@example.test')).toBe('+OK Logged in.');
    expect(await server.logIn('imap', 'user@example.test')).toMatch(/^a NO /);
  });

  it('lets a plugin answer questions to the name server; what cannot be sent counts as its failure', async () => {
    const texts = (await server.lookUp('who.example.org', 'TXT')) as string[][];
    expect(texts.map((strings) => strings.join('')).sort()).toEqual(['second', 'you are 127.0.0.1']);
    expect(await server.lookUp('who.example.org', 'A')).toEqual(['192.0.2.8']);
    await expect(server.lookUp('who.example.org', 'MX')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(server.lookUp('gone.example.org', 'A')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(server.lookUp('odd.example.org', 'A')).rejects.toMatchObject({ code: 'ESERVFAIL' });
    expect((await server.logged(/dns_query gave/)).msg).toContain(
      'gave an answer that cannot be sent: the record "@ A not-an-address": ',
    );
  });

  it('accepts mail that plugins send, asks none of them about it, and says why it accepts none', async () => {
    const ask = (mail: object): Promise<string> =>
      server.send({ ...LETTER, ip: '192.0.2.1', to: 'other@example.test', header: { 'X-Send': JSON.stringify(mail) } });
    const message = 'Subject: Grüße\nX-Send: {}\n\nAway.\n';
    await server.reload({ watch: { minutes: 0 } });
    await ask({ from: '', to: ['user@example.test', 'friend@far.example'], message });
    const [, id = ''] = /^sent (\w+)$/.exec((await server.logged(/^sent /)).msg) ?? [];
    const mine = (await server.messages('user@example.test')).filter(({ text }) => text.includes(id));
    expect(
      mine.map(({ header }) => [header.get('Subject'), header.get('Auto-Submitted'), header.get('Return-Path')]),
    ).toEqual([['Grüße', 'auto-generated', '<>']]);
    expect(await server.queued()).toContainEqual(
      expect.objectContaining({
        queueId: id,
        recipient: 'friend@far.example',
        text: expect.stringContaining('Message-Id: '),
      }),
    );
    for (const [mail, why] of [
      [{ from: 'x', to: ['user@example.test'], message }, '"from" must be an address'],
      [{ from: '', to: [], message }, '"to" must be a list of 1 to 1000 addresses'],
      [{ from: '', to: ['a@b\r\nDATA'], message }, '"to" must be a list'],
      [{ from: '', to: ['user@example.test'], message: 7 }, '"message" must be a text or octets'],
      [
        { from: '', to: ['user@example.test'], message: 'long' },
        'the message has 120000 octets; message_size_limit is 50000, and 65536 more are for what is around it',
      ],
    ] as const) {
      await ask(mail);
      await server.logged(new RegExp(`^not sent: server\\.send: ${why}`));
    }
  });

  it('has a state for plugins, which outlives a reload and is changed by one after the other', async () => {
    const hello = (name: string): Promise<string> => server.send({ ...LETTER, helo: name });
    const replies = await Promise.all(['count1', 'count2', 'count2'].map(hello));
    expect(replies.map((reply) => reply.split(' ')[2]).sort()).toEqual(['1', '2', '3']);
    await server.reload();
    expect(await hello('count3')).toBe('550 5.7.1 4 last/count1,last/count2,last/count3 {"count":4}');
    server.clock.advance({ hours: 1 });
    expect(await hello('count1')).toContain('550 5.7.1 1 ');
    const dialog = await server.connect();
    await dialog.say('EHLO client.example.org');
    await dialog.say('VRFY user@example.test');
    dialog.close();
    for (const message of [
      'of 1 to 500 octets',
      'what JSON can hold',
      'at most 262144 octets',
      'a number of seconds above 0',
    ])
      await server.logged(new RegExp(`^refused: .*${message}`));
  });

  it('is reloaded with other settings, and refuses faulty ones', async () => {
    await server.reload({ watch: { minutes: 0 } });
    expect(await server.send({ ...LETTER, ip: '198.51.100.77' })).toMatch(/^250 /);
    await expect(server.reload({ watch: { minutes: 'few' } })).rejects.toThrow('"minutes" must be a number');
    expect(await server.send({ ...LETTER, ip: '198.51.100.78' })).toMatch(/^250 /);
  });
});

it('a plugin that cannot be loaded is named, and nothing stays', async () => {
  writeFileSync(join(folder, 'broken.ts'), "export default { name: 'broken' };\n");
  await expect(startTestServer({ plugins: [join(folder, 'broken.ts')] })).rejects.toThrow(
    /plugin broken: .*broken\.ts has no register function/,
  );
});

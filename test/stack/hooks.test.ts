/** The hooks of a session, of delivery and of mailboxes, at a real server, by a plugin that uses nearly all of them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders, startServer, type TestServer } from '../kit/server.ts';

const MAIN =
  'compatibility_level = 3.6\nmyhostname = mail.example.test\nmyorigin = example.test\nmydestination = example.test\ninet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.1/32\nalias_maps =\nmessage_size_limit = 20000\n';

const PLUGIN = `import { definePlugin, deny, denyDisconnect, denySoft, NEXT, OK, reply } from 'posthorn/plugin';
export default definePlugin({
  name: 'all-hooks',
  register(server) {
    const say = (text) => { server.log.info({}, text); return NEXT; };
    server.on('connect_init', ({ connection }) => connection.remote.ip === '127.0.0.9' ? denyDisconnect(reply(554, '5.7.1', 'Not you, ' + connection.remote.name)) : NEXT);
    server.on('lookup_rdns', ({ connection, client }) => {
      if (connection.remote.ip === '127.0.0.8') return Object.assign(client, { name: 'no name\\r\\n', nameStatus: 'ok' }), OK;
      if (connection.remote.ip === '127.0.0.7') return deny();
      return Object.assign(client, { name: 'told.example', reverseName: 'told.example', nameStatus: 'ok' }), OK;
    });
    server.on('capabilities', ({ connection, offered }) => {
      offered.splice(offered.indexOf('CHUNKING'), 1);
      offered.push('X-HELLO there');
      if (connection.helo === 'odd.example') offered.push('not a line\\r\\n250 more');
      return NEXT;
    });
    server.on('helo', ({ name }) => name.startsWith('bad') ? deny(reply(550, '5.7.1', 'Bad name')) : NEXT);
    server.on('deny', ({ hook, plugin, verdict }) => {
      say('denied: ' + hook + ' by ' + plugin + ': ' + verdict.reply.text);
      return hook === 'helo' && verdict.reply.text === 'Bad name' ? OK : NEXT;
    });
    server.on('rcpt_ok', ({ recipient }) => recipient.address.startsWith('last') ? deny(reply(550, '5.7.1', 'At the last moment')) : NEXT);
    server.on('noop', ({ argument }) => argument === 'x' ? { code: 'OK', reply: reply(250, '2.0.0', 'nothing') } : NEXT);
    server.on('rset', () => ({ code: 'OK', reply: reply(250, '2.0.0', 'afresh') }));
    server.on('quit', () => ({ code: 'OK', reply: reply(221, '2.0.0', 'Until soon') }));
    server.on('max_data_exceeded', () => deny(reply(552, '5.3.4', 'Share a link')));
    server.on('reset_transaction', ({ transaction }) => say('reset: <' + transaction.reversePath + '>'));
    server.on('queue_outbound', ({ recipients }) => {
      if (recipients[0].startsWith('taken')) return OK;
      return recipients[0].startsWith('refused') ? deny(reply(554, '5.7.1', 'Not out of here')) : NEXT;
    });
    server.on('sign', async ({ transaction, content, origin, recipients }) => {
      let octets = 0;
      for await (const piece of content) octets += piece.length;
      transaction.prepend.push('X-Signed: ' + origin + ' ' + octets + ' ' + recipients.join());
      return recipients[0].startsWith('unsigned') ? denySoft(reply(451, '4.7.1', 'Not unsigned')) : NEXT;
    });
    server.on('queue_ok', ({ reply }) => say('queue_ok: ' + reply.text.replace(/as .*/, '')));
    server.on('get_mx', ({ domain, hosts }) => {
      if (domain === 'closed.example') return deny();
      hosts.push({ host: '127.0.0.1', port: Number(server.config.port) });
      return OK;
    });
    server.on('recipient_exists', ({ address }) => address.startsWith('ticket-') ? OK : address.startsWith('unsure-') ? denySoft() : NEXT);
    server.on('expand', ({ recipient, into }) => recipient.address.startsWith('ticket-') ? (into.push({ ...recipient, address: 'user@example.test' }), OK) : NEXT);
    server.on('send_email', (attempt) => {
      const { recipients, nexthop } = attempt;
      if (nexthop === 'pigeon.example') return say('by pigeon: ' + recipients.join()), OK;
      if (nexthop === 'srs.example') attempt.reversePath = attempt.sender === 'user@example.test' ? 'sent-as@example.test' : 'not an address';
      return nexthop === 'later.example' ? denySoft(reply(450, '4.7.1', 'Not now')) : NEXT;
    });
    server.on('bounce', ({ recipient, reply }) => say('bounced: ' + recipient + ': ' + reply.text));
    server.on('deferred', ({ recipient, reply }) => say('deferred: ' + recipient + ': ' + reply.text));
    server.on('deliver', (letter) => {
      const way = letter.header.get('X-Way');
      if (way === 'copy') letter.copies.push('Archive', 'INBOX', 'Archive');
      if (way === 'forward') letter.forward.push('other@example.test', 'friend@elsewhere.example');
      if (way === 'round') letter.forward.push(letter.account.address.startsWith('user') ? 'other@example.test' : 'user@example.test');
      if (way === 'drop') letter.drop = 'not wanted';
      return NEXT;
    });
    server.on('imap_command', ({ session, command, argument, mailbox }) =>
      command === 'DELETE' ? deny(reply(550, '5.7.1', [session.account.address, argument, mailbox].join(' '))) : NEXT);
    server.on('pop3_command', ({ command }) => command === 'LAST' || command === 'TOP' ? deny(reply(550, '5.7.1', 'No peeking')) : NEXT);
    const shown = ({ name, specialUse }) => name + specialUse;
    const textOf = async ({ account, mailbox, uids }) => {
      let text = '';
      for (const uid of uids)
        for await (const piece of server.messages.read({ account: account.address, mailbox: mailbox.name, uid })) text += piece;
      return text;
    };
    server.on('message_appended', async (event) => {
      const { account, mailbox } = event;
      const text = await textOf(event);
      return say('appended: ' + account.address + ' ' + shown(mailbox) + ' ' + /Subject: (.*)/.exec(text)?.[1]);
    });
    server.on('message_moved', async (event) => {
      const { mailbox, from } = event;
      const text = await textOf(event);
      return say('moved: ' + shown(from) + ' to ' + shown(mailbox) + ' ' + /Subject: (.*)/.exec(text)?.[1]);
    });
    server.on('message_copied', ({ mailbox, from }) => say('copied: ' + shown(from) + ' to ' + shown(mailbox)));
    server.on('message_deleted', ({ mailbox, uids }) => say('deleted: ' + shown(mailbox) + ' ' + uids.length));
    server.on('account_changed', ({ address, change, before }) => say('account: ' + address + ' ' + change + ' ' + before));
    server.on('domain_changed', ({ domain, change }) => say('domain: ' + domain + ' ' + change));
    const lines = [];
    server.on('log', ({ process, message }) => void (/^connect from told/.test(message) && lines.push(process)));
    server.on('vrfy', () => deny(reply(550, '5.7.1', lines[0] ?? 'none')));
  },
});
`;

let server: TestServer;
let offset: number;
let sink: Sink;

beforeAll(async () => {
  sink = await openSink({ rcpt: (to) => (to.startsWith('gone@') ? [550, 'gone'] : null) });
  offset = await freeOffset();
  const folders = makeFolders({
    'main.cf': MAIN,
    plugins: 'restrictions\nrewriting\nall-hooks\n',
    'plugins.d/all-hooks.json': JSON.stringify({ port: sink.port }),
  });
  mkdirSync(join(folders.config, 'plugins.d/all-hooks'));
  writeFileSync(join(folders.config, 'plugins.d/all-hooks/index.js'), PLUGIN);
  server = await startServer({
    files: {},
    folders,
    portOffset: offset,
    accounts: { 'user@example.test': 'secret', 'other@example.test': 'secret' },
  });
});
afterAll(async () => {
  await server.stop();
  await sink.close();
});

const log = (): string => readFileSync(join(server.folders.data, 'log/mail.jsonl'), 'utf8');
/** Waits for a line of the log: one of the plugin, or one that matches. */
const said = (text: string | RegExp): Promise<void> =>
  expect
    .poll(() => (typeof text === 'string' ? log().includes(JSON.stringify(text)) : text.test(log())), {
      timeout: 10_000,
      message: String(text),
    })
    .toBe(true);

const smtp = async (localAddress = '127.0.0.1'): Promise<LineClient> =>
  LineClient.connect({ host: '127.0.0.1', port: 25 + offset, localAddress });

async function send(to: string, header: string, from = 'user@example.test'): Promise<string> {
  const client = await smtp();
  await client.smtp();
  for (const line of ['EHLO a.example', `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA']) await client.smtp(line);
  client.send(`${header}\r\n\r\nHello.`);
  const answer = await client.smtp('.');
  client.close();
  return answer;
}

describe('hooks of a session', () => {
  it('connect_init turns a client away before its name is looked up', async () => {
    const client = await smtp('127.0.0.9');
    expect(await client.smtp()).toBe('554 5.7.1 Not you, unknown');
    client.close();
  });

  it('lookup_rdns names the client; a name that is none, and a refusal, leave it unknown', async () => {
    const received = async (ip: string): Promise<string> => {
      const client = await smtp(ip);
      await client.smtp();
      for (const line of ['EHLO a.example', 'MAIL FROM:<>', 'RCPT TO:<user@example.test>', 'DATA'])
        await client.smtp(line);
      client.send(`Subject: from ${ip}\r\n`);
      expect(await client.smtp('.')).toMatch(/^250 /);
      client.close();
      await said(`appended: user@example.test INBOX from ${ip}`);
      return '';
    };
    await received('127.0.0.1');
    await received('127.0.0.8');
    await received('127.0.0.7');
    await said('connect from told.example[127.0.0.1]');
    await said('connect from unknown[127.0.0.8]');
    await said('connect from unknown[127.0.0.7]');
    await said(/set name to a value that is not allowed there/);
  });

  it('capabilities adds lines and takes extensions away; deny overrules a refusal', async () => {
    const client = await smtp();
    await client.smtp();
    const offered = await client.smtp('EHLO bad.example');
    expect(offered).toContain('X-HELLO there');
    expect(offered).not.toContain('CHUNKING');
    await client.smtp('MAIL FROM:<a@example.org>');
    await client.smtp('RCPT TO:<user@example.test>');
    await said('denied: helo by all-hooks: Bad name');
    expect(await client.smtp('RCPT TO:<lastuser@example.test>')).toMatch(/^550 5\.1\.1 /);
    expect(await client.smtp('NOOP x')).toBe('250 2.0.0 nothing');
    expect(await client.smtp('NOOP')).toBe('250 2.0.0 Ok');
    expect(await client.smtp('RSET')).toBe('250 2.0.0 afresh');
    expect(await client.smtp('VRFY user')).toBe('550 5.7.1 postfix/smtpd');
    expect(await client.smtp('QUIT')).toBe('221 2.0.0 Until soon');
    await said('reset: <a@example.org>');
    const odd = await smtp();
    await odd.smtp();
    expect(await odd.smtp('EHLO odd.example')).toBe('451 4.3.0 Error: service temporarily unavailable');
    await odd.smtp('EHLO a.example');
    // 521: what follows the command is no command.
    expect(await odd.smtp('BDAT 0 LAST')).toBe('521 5.5.1 Error: command not implemented');
    odd.close();
  });

  it('rcpt_ok has the last word, and max_data_exceeded words the refusal', async () => {
    await server.command(['user', 'add', 'last@example.test', '--password-stdin'], 'x\n');
    await said('account: last@example.test add undefined');
    const client = await smtp();
    await client.smtp();
    for (const line of ['EHLO a.example', 'MAIL FROM:<a@example.org>']) await client.smtp(line);
    expect(await client.smtp('RCPT TO:<last@example.test>')).toBe('550 5.7.1 At the last moment');
    await client.smtp('RCPT TO:<user@example.test>');
    await client.smtp('DATA');
    client.send('x'.repeat(900).concat('\r\n').repeat(30).trimEnd());
    expect(await client.smtp('.')).toBe('552 5.3.4 Share a link');
    client.close();
  });
});

describe('hooks of delivery', () => {
  it('queue_outbound refuses, and takes over; queue_ok hears of what is durable', async () => {
    expect(await send('refused@far.example', 'Subject: x')).toBe('554 5.7.1 Not out of here');
    expect(await send('taken@far.example', 'Subject: x')).toMatch(/^250 /);
    await said('queue_ok: Ok: queued ');
    await said(/to=<taken@far\.example>, .*status=sent \(discarded: taken over by a plugin\)/);
  });

  it('get_mx names the host and port; a refusal bounces', async () => {
    expect(await send('friend@far.example', 'Subject: by get_mx')).toMatch(/^250 /);
    await expect
      .poll(() => sink.received.map(({ to }) => to.join()), { timeout: 10_000 })
      .toContain('friend@far.example');
    expect(await send('x@closed.example', 'Subject: x')).toMatch(/^250 /);
    await said('bounced: x@closed.example: mail for this domain is refused here');
  });

  it('sign sees what goes on, whatever it comes from, and what it prepends is sent; a refusal keeps nothing of a client', async () => {
    const signed = () => sink.received.map(({ to, text }) => `${to.join()}: ${/^X-Signed: (\w+)/m.exec(text)?.[1]}`);
    await send('friend@signed.example', 'Subject: x');
    await send('gone@signed.example', 'Subject: x', 'back@signed.example');
    await send('user@example.test', 'X-Way: forward\r\nSubject: forwarded and signed');
    for (const one of [
      'friend@signed.example: client',
      'back@signed.example: notice',
      'friend@elsewhere.example: client',
    ])
      await expect.poll(signed, { timeout: 10_000 }).toContain(one);
    expect(await send('unsigned@signed.example', 'Subject: x')).toBe('451 4.7.1 Not unsigned');
  });

  it('send_email sends by itself, or makes mail wait', async () => {
    await send('x@pigeon.example', 'Subject: x');
    await said('by pigeon: x@pigeon.example');
    await said(/to=<x@pigeon\.example>, relay=plugin, .*status=sent/);
    await send('x@later.example', 'Subject: x');
    await said('deferred: x@later.example: Not now');
  });

  it('send_email sets the reverse-path of an attempt alone; one that is no address is not sent', async () => {
    const sent = () => sink.received.map(({ from, to }) => `${from} ${to.join()}`);
    await send('x@srs.example', 'Subject: x');
    await expect.poll(sent, { timeout: 10_000 }).toContain('sent-as@example.test x@srs.example');
    await said(/: from=<user@example\.test>, size=/);
    expect(log()).not.toContain('from=<sent-as@');
    for (const sender of ['other@example.test', '']) {
      await send('y@srs.example', 'Subject: x', sender);
      await said(/send_email.* set reversePath to a value that is not allowed there/);
    }
    // The plugin has failed, so it is tried again later.
    expect(sent().filter((one) => one.endsWith(' y@srs.example'))).toEqual([]);
    await send('gone@srs.example', 'Subject: x');
    await said('appended: user@example.test INBOX Undelivered Mail Returned to Sender');
  });

  it('recipient_exists accepts mail for an address that no table has', async () => {
    expect(await send('ticket-7@example.test', 'Subject: ticket')).toMatch(/^250 /);
    await said('appended: user@example.test INBOX ticket');
    const client = await smtp();
    await client.smtp();
    for (const line of ['EHLO a.example', 'MAIL FROM:<a@example.org>']) await client.smtp(line);
    expect(await client.smtp('RCPT TO:<unsure-7@example.test>')).toMatch(/^451 4\.3\.0 /);
    expect(await client.smtp('RCPT TO:<nobody@example.test>')).toMatch(/^550 5\.1\.1 /);
    client.close();
  });

  it('deliver copies, forwards and drops; mailboxes that forward to each other come to an end', async () => {
    await send('user@example.test', 'X-Way: copy\r\nSubject: copied');
    await said('appended: user@example.test INBOX copied');
    await said('appended: user@example.test Archive\\Archive copied');
    await send('user@example.test', 'X-Way: forward\r\nSubject: forwarded');
    await said('appended: other@example.test INBOX forwarded');
    await said('appended: user@example.test INBOX forwarded');
    await expect
      .poll(() => sink.received.map(({ to, from }) => `${from} ${to.join()}`), { timeout: 10_000 })
      .toContain('user@example.test friend@elsewhere.example');
    await send('user@example.test', 'X-Way: round\r\nSubject: round');
    await said('appended: other@example.test INBOX round');
    await said('appended: user@example.test INBOX round');
    expect(log().split('appended: other@example.test INBOX round')).toHaveLength(2);
    await send('user@example.test', 'X-Way: drop\r\nSubject: dropped');
    await said(/status=sent \(discarded: not wanted\)/);
    expect(log()).not.toContain('INBOX dropped');
  });
});

describe('hooks of mailboxes', () => {
  it('imap_command refuses; moves, copies, deletions and APPEND are told', async () => {
    const imap = await LineClient.connect({ host: '127.0.0.1', port: 993 + offset, tls: true });
    await imap.line();
    await imap.imap('a', 'LOGIN user@example.test secret');
    expect(await imap.imap('b', 'DELETE Archive')).toEqual(['b NO [NOPERM] user@example.test Archive ']);
    await imap.imap('c', 'SELECT INBOX');
    await imap.imap('d', 'MOVE 1 Junk');
    await said('moved: INBOX to Junk\\Junk from 127.0.0.1');
    await imap.imap('e', 'COPY 1 Archive');
    await said('copied: INBOX to Archive\\Archive');
    await imap.imap('f', 'STORE 1:2 +FLAGS (\\Deleted)');
    await imap.imap('g', 'EXPUNGE');
    await said('deleted: INBOX 2');
    imap.close();
  });

  it('pop3_command refuses, and QUIT tells what it deletes', async () => {
    const pop = await LineClient.connect({ host: '127.0.0.1', port: 995 + offset, tls: true });
    await pop.line();
    for (const line of ['USER user@example.test', 'PASS secret']) {
      pop.send(line);
      await pop.line();
    }
    pop.send('TOP 1 0');
    expect(await pop.line()).toBe('-ERR [SYS/PERM] No peeking');
    pop.send('DELE 1');
    await pop.line();
    pop.send('QUIT');
    await pop.line();
    await said('deleted: INBOX 1');
  });

  it('changes of accounts and domains are told', async () => {
    await server.command(['user', 'rename', 'last@example.test', 'first@example.test']);
    await said('account: first@example.test rename last@example.test');
    await server.command(['user', 'forward', 'other@example.test', 'friend@elsewhere.example']);
    await said('account: other@example.test forward undefined');
    const imap = await LineClient.connect({ host: '127.0.0.1', port: 143 + offset });
    await imap.line();
    for (const line of [
      'LOGIN user@example.test secret',
      'SETMETADATA "" (/private/vendor/posthorn/forward "x@y.example")',
    ])
      await imap.imap('a', line);
    imap.close();
    await said('account: user@example.test forward undefined');
    await server.command(['domain', 'add', 'more.example']);
    await said('domain: more.example add');
  });
});

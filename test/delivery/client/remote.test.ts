/** Delivery to other servers over real sockets, well-behaved and misbehaving ones. */
import { TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import type { QueueItem } from '../../../src/store/queue.ts';
import { openTables } from '../../kit/tables.ts';
import { type HouseOptions, openHouse, type TestHouse, tablesOf } from '../house.ts';
import { type LineServer, openLineServer, openSink, type Script, type Sink } from './sink.ts';

let house: TestHouse | null = null;
const servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await house?.stop();
  house = null;
  for (const server of servers.splice(0)) await server.close();
});

const QQ = { 'mx qq.com': ['10 mail.qq.com'], 'a mail.qq.com': ['127.0.0.1'] };
const MESSAGE = 'From: maomao@baidu.com\r\nTo: lisi@qq.com\r\nSubject: hi\r\n\r\n.dots\r\n..two\r\nend\r\n';

const sinkOf = async (script: Script = {}): Promise<Sink> => {
  const sink = await openSink(script);
  servers.push(sink);
  return sink;
};
const rude = async (answer: Parameters<typeof openLineServer>[0], greeting?: string): Promise<LineServer> => {
  const server = await openLineServer(answer, greeting);
  servers.push(server);
  return server;
};
const open = async (port: number, options: HouseOptions = {}): Promise<TestHouse> => {
  house = await openHouse({ dns: QQ, smtpPort: port, ...options });
  house.runner.start();
  return house;
};
/** Sends from maomao and waits until no delivery is running. */
const send = async (
  at: TestHouse,
  to: readonly string[] = ['lisi@qq.com'],
  more: object = {},
  text: string | readonly string[] = MESSAGE,
): Promise<void> => {
  await at.submit({ reversePath: 'maomao@baidu.com', to, ...more }, text);
  await at.runner.idle();
};
const reasons = (items: readonly QueueItem[]): unknown[] =>
  items.map((item) => [item.recipient, item.lastReply?.enhanced, item.lastReply?.text]);
const sentLines = (at: TestHouse): string[] =>
  at.lines.filter((line) => line.startsWith('postfix/smtp') && line.includes('status='));

describe('delivery to other servers', () => {
  it('P17: one message for several recipients at one destination is one transaction, octet for octet', async () => {
    const sink = await sinkOf();
    const at = await open(sink.port);
    await send(at, ['lisi@qq.com', 'zhangsan@qq.com']);
    expect(sink.received).toHaveLength(1);
    expect(sink.received[0]).toMatchObject({ from: 'maomao@baidu.com', to: ['lisi@qq.com', 'zhangsan@qq.com'] });
    expect(sink.received[0]?.text).toMatch(/\r\n\r\n\.dots\r\n\.\.two\r\nend\r\n$/);
    expect(await at.queue()).toEqual([]);
    expect(sentLines(at)[0]).toMatch(
      new RegExp(
        `^postfix/smtp: \\w+: to=<lisi@qq\\.com>, relay=mail\\.qq\\.com\\[127\\.0\\.0\\.1\\]:${sink.port}, delay=0, delays=0/0/0/0, dsn=2\\.0\\.0, status=sent \\(250 .*taken\\)$`,
      ),
    );
    expect(at.lines.at(-1)).toMatch(/^postfix\/qmgr: \w+: removed$/);
  });

  it('P22: the dialog with a server in debug_peer_list is in the log, with no password; that with another is not', async () => {
    const sink = await sinkOf({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => done(null, { user: 'maomao' }),
    });
    const settings = { smtp_sasl_auth_enable: 'yes', smtp_sasl_password_maps: 'x:pw', smtp_sasl_security_options: '' };
    const tables = tablesOf({ 'x:pw': { 'mail.qq.com': 'maomao:a-secret' } });
    const saidTo = (at: TestHouse): string[] => at.lines.filter((line) => /^postfix\/smtp: [<>] /.test(line));
    for (const list of ['qq.com', '127.0.0.0/8', 'x.example mail.qq.com']) {
      const at = await open(sink.port, { settings: { ...settings, debug_peer_list: list }, tables });
      await send(at);
      const peer = `mail.qq.com[127.0.0.1]:${sink.port}`;
      expect(saidTo(at)).toContain(`postfix/smtp: > ${peer}: MAIL FROM:<maomao@baidu.com>`);
      expect(saidTo(at).some((line) => line.startsWith(`postfix/smtp: > ${peer}: AUTH `))).toBe(true);
      expect(saidTo(at).some((line) => line.startsWith(`postfix/smtp: < ${peer}: 354`))).toBe(true);
      expect(at.lines.join('\n')).not.toMatch(/a-secret|YS1zZWNyZXQ|hLXNlY3Jld/);
      await at.stop();
    }
    const at = await open(sink.port, { settings: { ...settings, debug_peer_list: 'baidu.com 192.0.2.1' }, tables });
    await send(at);
    expect(saidTo(at)).toEqual([]);
  });

  it('P17: a long message streams from the store', async () => {
    const sink = await sinkOf({ size: 50_000_000 });
    const at = await open(sink.port);
    const body = '.line of a long message\r\n'.repeat(60_000);
    await send(at, ['lisi@qq.com'], {}, ['Subject: long\r\n\r\n', body]);
    expect(sink.received[0]?.text.endsWith(`\r\n\r\n${body}`)).toBe(true);
  });

  it('P17: sessions are reused for the next message', async () => {
    const sink = await sinkOf();
    const at = await open(sink.port);
    await send(at);
    await send(at);
    expect([sink.received.length, sink.connections]).toEqual([2, 1]);
  });

  it('P17: each recipient gets its own result: sent, bounced or deferred', async () => {
    const sink = await sinkOf({
      rcpt: (to) =>
        to.startsWith('gone') ? [550, '5.1.1 no such user'] : to.startsWith('later') ? [451, '4.2.1 try later'] : null,
    });
    const at = await open(sink.port);
    await send(at, ['lisi@qq.com', 'gone@qq.com', 'later@qq.com']);
    expect(sink.received[0]?.to).toEqual(['lisi@qq.com']);
    expect(reasons(await at.queue())).toEqual([
      ['later@qq.com', '4.2.1', 'host mail.qq.com[127.0.0.1] said: 451 4.2.1 try later (in reply to RCPT TO command)'],
    ]);
    const [bounce = ''] = await at.inbox('maomao@baidu.com');
    expect(bounce).toContain(
      'Final-Recipient: rfc822; gone@qq.com\r\nOriginal-Recipient: rfc822;gone@qq.com\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mail.qq.com\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n',
    );
    expect(bounce).not.toContain('later@qq.com');
  });

  it.each([
    ['MAIL FROM', { mail: () => [552, '5.7.1 no'] }],
    ['end of DATA', { data: () => [554, '5.7.1 no'] }],
  ] satisfies [string, Script][])('a 5xx to %s bounces all', async (stage, script) => {
    const sink = await sinkOf(script);
    const at = await open(sink.port);
    await send(at, ['lisi@qq.com', 'zhangsan@qq.com']);
    expect(await at.queue()).toEqual([]);
    expect((await at.inbox('maomao@baidu.com'))[0]?.match(/Action: failed/g)).toHaveLength(2);
    expect((await at.inbox('maomao@baidu.com'))[0]?.replace(/\r\n +/g, ' ')).toContain(
      `(in reply to ${stage} command)`,
    );
  });

  it.each([
    ['MAIL FROM', { mail: () => [450, 'busy'] }],
    ['end of DATA', { data: () => [451, 'disk'] }],
  ] satisfies [string, Script][])('a 4xx to %s is tried again later', async (stage, script) => {
    const sink = await sinkOf(script);
    const at = await open(sink.port);
    await send(at, ['lisi@qq.com', 'zhangsan@qq.com']);
    expect((await at.queue()).map((item) => [item.state, item.attempts])).toEqual([
      ['deferred', 1],
      ['deferred', 1],
    ]);
    expect((await at.queue())[0]?.lastReply?.text).toContain(`(in reply to ${stage} command)`);
  });

  it('P17: if the first MX is down, the second gets the mail, in order of preference', async () => {
    const sink = await sinkOf();
    const dns = {
      'mx qq.com': ['20 b.qq.com', '10 a.qq.com'],
      'a a.qq.com': ['127.0.0.9'],
      'a b.qq.com': ['127.0.0.1'],
    };
    const at = await open(sink.port, { dns });
    await send(at);
    expect(sink.received).toHaveLength(1);
    expect(
      at.lines.some((line) => line.includes(`connect to a.qq.com[127.0.0.9]:${sink.port}: Connection refused`)),
    ).toBe(true);
  });

  it('P17: relayhost and transport change the destination and the port', async () => {
    const sink = await sinkOf();
    const at = await open(1, { settings: { relayhost: `[127.0.0.1]:${sink.port}` } });
    await send(at, ['someone@nowhere.example']);
    expect(sink.received[0]?.to).toEqual(['someone@nowhere.example']);
  });

  it.each([
    ['no MX and no address', {}, 'bounced', '5.4.4'],
    ['null MX', { 'mx qq.com': ['0 '] }, 'bounced', '5.1.10'],
    ['a resolver that fails', { 'mx qq.com': 'tempfail' }, 'deferred', '4.4.3'],
    [
      'ourselves as best MX',
      { 'mx qq.com': ['10 mail.baidu.com', '20 b'], 'a mail.baidu.com': ['127.0.1.134'], 'a b': ['127.0.0.1'] },
      'bounced',
      '5.4.6',
    ],
  ] as const)('P17: %s', async (_what, dns, status, enhanced) => {
    const at = await open(1, { dns });
    await send(at);
    expect(at.lines.find((line) => line.includes('status='))).toContain(`dsn=${enhanced}, status=${status}`);
  });

  it('P17: a domain without MX is reached by its address', async () => {
    const sink = await sinkOf();
    const at = await open(sink.port, { dns: { 'a qq.com': ['127.0.0.1'] } });
    await send(at);
    expect(sink.received).toHaveLength(1);
  });

  it('P17: credentials of smtp_sasl_password_maps are used, and only as smtp_sasl_security_options allows', async () => {
    const sink = await sinkOf({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (auth, _session, done) => done(null, { user: `${auth.username}:${auth.password}` }),
    });
    const relay = `[127.0.0.1]:${sink.port}`;
    const tables = {
      open: (name: string) => ({
        name,
        wholeKeyOnly: false,
        get: (key: string) => (key === relay ? 'me:secret' : undefined),
      }),
    };
    const settings = {
      relayhost: relay,
      smtp_sasl_auth_enable: 'yes',
      smtp_sasl_password_maps: 'hash:/passwords',
      smtp_sasl_security_options: 'noanonymous',
    };
    const at = await open(1, { settings, tables });
    await send(at);
    expect(sink.received[0]?.user).toBe('me:secret');
    expect(at.lines.join('\n')).not.toContain('secret');
    await at.stop();
    const strict = await open(1, {
      settings: { ...settings, smtp_sasl_security_options: 'noplaintext, noanonymous' },
      tables,
    });
    await send(strict);
    expect(reasons(await strict.queue())[0]).toEqual([
      'lisi@qq.com',
      '4.7.0',
      expect.stringContaining('no mechanism available'),
    ]);
  });
});

describe('TLS to other servers', () => {
  const withTls = async (names: readonly string[], script: Script = {}): Promise<{ sink: Sink; ca: string }> => {
    const pems = await generate([{ name: 'commonName', value: names[0] ?? '' }], {
      keyType: 'ec',
      extensions: [{ name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) }],
    });
    return {
      sink: await sinkOf({ disabledCommands: ['AUTH'], key: pems.private, cert: pems.cert, ...script }),
      ca: pems.cert,
    };
  };

  it.each([
    ['smtp_use_tls', { smtp_use_tls: 'yes' }, true],
    ['may', { smtp_tls_security_level: 'may' }, true],
    ['encrypt', { smtp_tls_security_level: 'encrypt' }, true],
    ['none', { smtp_tls_security_level: 'none' }, false],
  ] as const)('P17: level %s', async (_name, settings, secure) => {
    const { sink } = await withTls(['other.example']);
    const at = await open(sink.port, { settings: { ...settings, smtp_tls_loglevel: '1' } });
    await send(at);
    expect(sink.received[0]?.secure).toBe(secure);
    expect(
      at.lines.some((line) => line.includes('Untrusted TLS connection established to mail.qq.com[127.0.0.1]')),
    ).toBe(secure);
  });

  it.each([
    ['verify', ['mail.qq.com'], true],
    ['verify', ['other.example'], false],
    ['secure', ['mail.qq.com'], true],
    ['secure', ['mail.evil.example'], false],
  ] as const)('P17: level %s and a certificate for %s', async (level, names, good) => {
    const { sink, ca } = await withTls(names);
    const at = await open(sink.port, { settings: { smtp_tls_security_level: level }, authorities: [ca] });
    await send(at);
    expect(sink.received).toHaveLength(good ? 1 : 0);
    if (!good) expect((await at.queue())[0]?.lastReply?.enhanced).toBe('4.7.5');
  });

  it('P17: encrypt never sends in clear text, may does', async () => {
    const sink = await sinkOf();
    const at = await open(sink.port, { settings: { smtp_tls_security_level: 'encrypt' } });
    await send(at);
    expect([sink.received.length, (await at.queue()).length]).toEqual([0, 1]);
  });

  /** Accepts mail in clear text; answers STARTTLS with `words`. */
  const badTls = (words: string, offers = '250 STARTTLS\r\n'): Promise<LineServer> =>
    rude((line, socket) => {
      if (/^EHLO/.test(line)) socket.write(`250-rude\r\n${offers}`);
      else if (line === 'STARTTLS') {
        socket.write(words);
        if (words.startsWith('220'))
          socket.once('data', () => socket.write('this is no TLS, whatever was said before\r\n'));
      } else if (/^AUTH/.test(line)) socket.write('235 2.7.0 welcome\r\n');
      else if (/^(MAIL|RCPT|RSET)/.test(line)) socket.write('250 ok\r\n');
      else if (line === 'DATA') socket.write('354 go\r\n');
      else if (line === '.') socket.write('250 taken\r\n');
      else if (line === 'QUIT') socket.end('221 bye\r\n');
    });
  const MINUTE = 60_000;

  it('P17: with level may, mail is sent in clear text after a refused STARTTLS', async () => {
    const server = await badTls('454 4.7.0 TLS not available\r\n');
    const at = await open(server.port, { settings: { smtp_tls_security_level: 'may' } });
    await send(at);
    expect(await at.queue()).toEqual([]);
  });

  it('P17: with level may, a failed handshake is logged, and clear text is used only after minimal_backoff_time', async () => {
    const server = await badTls('220 go ahead\r\n');
    const at = await open(server.port, { settings: { smtp_tls_security_level: 'may', minimal_backoff_time: '5m' } });
    await send(at);
    expect(reasons(await at.queue())).toEqual([['lisi@qq.com', '4.7.5', 'Cannot start TLS: handshake failure']]);
    expect(
      at.lines.filter((line) =>
        /postfix\/smtp: Cannot start TLS: handshake failure: mail\.qq\.com\[127\.0\.0\.1\]:\d+: .*wrong version number/.test(
          line,
        ),
      ),
    ).toHaveLength(1);
    expect(server.lines.some((line) => line.startsWith('MAIL'))).toBe(false);
    at.time.now += 6 * MINUTE;
    at.runner.wake();
    await at.runner.idle();
    expect(await at.queue()).toEqual([]);
    expect(at.lines.some((line) => line.includes('failed, trying again in clear text'))).toBe(true);
    // A host whose TLS is broken is not suspended: each new message is tried, and waits its own time.
    await send(at);
    expect((await at.queue())[0]?.lastReply?.text).toBe('Cannot start TLS: handshake failure');
  });

  const LOGIN = {
    smtp_sasl_auth_enable: 'yes',
    smtp_sasl_password_maps: 'passwords',
    smtp_sasl_security_options: 'noanonymous',
    smtp_tls_security_level: 'may',
  };
  const passwords = tablesOf({ passwords: { 'mail.qq.com': 'me:secret' } });

  it.each([
    [
      'a handshake fails',
      '220 go ahead\r\n',
      '250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n',
      '4.7.5',
      'Cannot start TLS: handshake failure',
    ],
    [
      'STARTTLS is refused',
      '454 4.7.0 no\r\n',
      '250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n',
      '4.7.0',
      'SASL authentication failed; cannot authenticate to server mail.qq.com[127.0.0.1]: no mechanism available',
    ],
  ])(
    'credentials are never sent in clear text if %s, however old the message is',
    async (_what, words, offers, enhanced, text) => {
      const server = await badTls(words, offers);
      const at = await open(server.port, { settings: LOGIN, tables: passwords });
      await send(at);
      at.time.now += 60 * MINUTE;
      at.runner.wake();
      await at.runner.idle();
      expect(reasons(await at.queue())).toEqual([['lisi@qq.com', enhanced, text]]);
      expect(server.lines.filter((line) => /^(AUTH|MAIL)/.test(line))).toEqual([]);
      expect(at.lines.join('\n')).not.toContain('secret');
    },
  );

  it('if an attacker strips STARTTLS, the default smtp_sasl_security_options withhold the password', async () => {
    const server = await badTls('', '250 AUTH PLAIN LOGIN\r\n');
    const at = await open(server.port, {
      settings: { ...LOGIN, smtp_sasl_security_options: 'noplaintext, noanonymous' },
      tables: passwords,
    });
    await send(at);
    expect(reasons(await at.queue())[0]).toEqual([
      'lisi@qq.com',
      '4.7.0',
      expect.stringContaining('no mechanism available'),
    ]);
    expect(server.lines.filter((line) => /^(AUTH|MAIL)/.test(line))).toEqual([]);
  });

  it('capabilities offered and replies sent before STARTTLS are ignored within TLS', async () => {
    const pems = await generate([{ name: 'commonName', value: 'other.example' }], { keyType: 'ec' });
    const within: string[] = [];
    const server = await rude((line, socket) => {
      if (/^EHLO/.test(line)) socket.write('250-rude\r\n250-STARTTLS\r\n250-SIZE 1\r\n250-PIPELINING\r\n250 DSN\r\n');
      if (line !== 'STARTTLS') return;
      socket.write('220 go\r\n250 injected\r\n');
      socket.removeAllListeners('data');
      const secure = new TLSSocket(socket, { isServer: true, key: pems.private, cert: pems.cert });
      secure.on('data', (octets: Buffer) => {
        within.push(octets.toString());
        secure.write(octets.toString().startsWith('DATA') ? '554 5.7.1 no\r\n' : '250 ok\r\n');
      });
    });
    const at = await open(server.port, { settings: { smtp_tls_security_level: 'may' } });
    await send(at, ['lisi@qq.com'], { ret: 'HDRS' });
    expect(within.slice(0, 4)).toEqual([
      'EHLO mail.baidu.com\r\n',
      'MAIL FROM:<maomao@baidu.com>\r\n',
      'RCPT TO:<lisi@qq.com>\r\n',
      'DATA\r\n',
    ]);
    expect(sentLines(at)[0]).toContain('554 5.7.1 no (in reply to DATA command)');
  });
});

describe('misbehaving servers', () => {
  const replies: Readonly<Record<string, string>> = {
    EHLO: '250-rude\r\n250 SIZE 100000\r\n',
    MAIL: '250 ok\r\n',
    RCPT: '250 ok\r\n',
    DATA: '354 go\r\n',
    '.': '250 taken\r\n',
    RSET: '250 ok\r\n',
    QUIT: '221 bye\r\n',
  };
  const answering =
    (special: Readonly<Record<string, string | null>>): ((line: string, socket: import('node:net').Socket) => void) =>
    (line, socket) => {
      const verb = Object.keys(replies).find((name) => line === name || line.startsWith(`${name} `));
      if (verb === undefined) return;
      const answer = verb in special ? special[verb] : replies[verb];
      if (answer === null || answer === undefined) socket.destroy();
      else socket.write(answer);
    };

  it.each([
    ['EHLO', 'lost connection with mail.qq.com[127.0.0.1] while performing the EHLO handshake'],
    ['MAIL', 'lost connection with mail.qq.com[127.0.0.1] while sending MAIL FROM'],
    ['RCPT', 'lost connection with mail.qq.com[127.0.0.1] while sending RCPT TO'],
    ['DATA', 'lost connection with mail.qq.com[127.0.0.1] while sending DATA command'],
    [
      '.',
      'lost connection with mail.qq.com[127.0.0.1] while sending end of data -- message may be sent more than once',
    ],
  ])('if the server disconnects at %s, the message stays in the queue', async (verb, words) => {
    const server = await rude(answering({ [verb]: null }));
    const at = await open(server.port);
    await send(at);
    expect(reasons(await at.queue())).toEqual([['lisi@qq.com', '4.4.2', words]]);
  });

  it.each([
    ['disconnects', '', '4.4.2', 'receiving the initial server greeting'],
    ['greets with 421', '421 4.3.2 closing\r\n', '4.3.2', 'refused to talk to me: 421 4.3.2 closing'],
    ['greets with 554', '554 5.3.2 go away\r\n', '4.3.2', 'refused to talk to me: 554 5.3.2 go away'],
    [
      'greets with nonsense',
      'HTTP/1.1 400 Bad Request\r\n',
      '4.4.2',
      'timed out while receiving the initial server greeting',
    ],
  ])('a server that %s is retried later', async (_what, greeting, enhanced, words) => {
    const server = await rude(() => {}, greeting);
    const at = await open(server.port, { settings: { smtp_helo_timeout: '1s' } });
    await send(at);
    const [item] = await at.queue();
    expect(item?.state).toBe('deferred');
    expect(item?.lastReply?.text).toContain(words);
    if (enhanced !== '') expect(item?.lastReply?.enhanced).toBe(enhanced);
  });

  it.each(['', 'EHLO', 'MAIL', 'DATA', '.'])(
    'a server that stops responding (at %j) does not delay shutdown: the message goes back to the queue',
    async (verb) => {
      let silent: () => void = () => {};
      const reached = new Promise<void>((resolve) => {
        silent = resolve;
      });
      const polite = answering({});
      const server = await rude(
        (line, socket) => (line.startsWith(verb) && verb !== '' ? silent() : polite(line, socket)),
        verb === '' ? ' ' : undefined,
      );
      const at = await open(server.port);
      await at.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, MESSAGE);
      if (verb !== '') await reached;
      await at.close(0);
      expect((await at.queue()).map((item) => [item.state, item.attempts, item.active])).toEqual([
        ['incoming', 0, false],
      ]);
    },
  );

  it('an endless reply does not fill memory, and the message stays', async () => {
    const server = await rude(answering({ MAIL: `250-${'x'.repeat(1000)}\r\n`.repeat(2000) }));
    const at = await open(server.port);
    await send(at);
    expect(reasons(await at.queue())).toEqual([
      ['lisi@qq.com', '4.5.0', 'host mail.qq.com[127.0.0.1] sent an endless reply while sending MAIL FROM'],
    ]);
  });

  it.each([
    [
      'DATA',
      '250 sure\r\n',
      'bounced',
      '5.5.0',
      'Protocol error: host mail.qq.com[127.0.0.1] said: 250 sure (in reply to DATA command)',
    ],
    [
      'MAIL',
      '354 go\r\n',
      'bounced',
      '5.5.0',
      'host mail.qq.com[127.0.0.1] said: 354 go (in reply to MAIL FROM command)',
    ],
    [
      'RCPT',
      '999 what\r\n',
      'bounced',
      '5.5.0',
      'host mail.qq.com[127.0.0.1] said: 999 what (in reply to RCPT TO command)',
    ],
    [
      '.',
      '354 more\r\n',
      'bounced',
      '5.5.0',
      'host mail.qq.com[127.0.0.1] said: 354 more (in reply to end of DATA command)',
    ],
    [
      'RCPT',
      '250-ok\r\n451 4.2.1 later\r\n',
      'deferred',
      '4.2.1',
      'host mail.qq.com[127.0.0.1] said: 250-ok 451 4.2.1 later (in reply to RCPT TO command)',
    ],
    [
      'DATA',
      '354 go\r\n250 taken\r\n',
      'deferred',
      '4.5.0',
      'Protocol error: host mail.qq.com[127.0.0.1] said before the end of the message: 250 taken',
    ],
  ])('%s answered with %j: %s', async (verb, answer, status, enhanced, words) => {
    const server = await rude(answering({ [verb]: answer }));
    const at = await open(server.port);
    await send(at);
    expect(sentLines(at)[0]).toContain(`dsn=${enhanced}, status=${status} (${words})`);
  });

  it('P17: a message larger than the announced SIZE of the server bounces without being sent', async () => {
    const server = await rude(answering({}));
    const at = await open(server.port);
    await send(at, ['lisi@qq.com'], {}, ['Subject: x\r\n\r\n', 'y'.repeat(120_000), '\r\n']);
    expect(server.lines.filter((line) => line.startsWith('MAIL'))).toEqual([]);
    expect((await at.inbox('maomao@baidu.com'))[0]).toContain('Status: 5.3.4');
  });

  it('an address that would break the dialog is never sent', async () => {
    const server = await rude(answering({}));
    const at = await open(server.port);
    await send(at, ['evil\r\nRCPT TO:<x@y>@qq.com']);
    expect(server.lines.filter((line) => line.includes('x@y'))).toEqual([]);
  });
});

describe('what is passed on to the next server', () => {
  const dsn = async (extensions: string): Promise<LineServer> =>
    rude((line, socket) => {
      if (/^EHLO/.test(line)) socket.write(`250-there\r\n${extensions}`);
      else if (/^(MAIL|RCPT)/.test(line)) socket.write('250 2.1.0 ok\r\n');
      else if (line === 'DATA') socket.write('354 go\r\n');
      else if (line === '.') socket.write('250 2.0.0 taken\r\n');
      else if (line === 'QUIT') socket.end('221 bye\r\n');
    });
  const to = [
    { address: 'a@qq.com', original: 'x+y@group.com', notify: ['SUCCESS', 'DELAY'] as const, orcpt: '' },
    { address: 'b@qq.com', notify: ['NEVER'] as const, orcpt: 'rfc822;b+2Bc@qq.com' },
  ];

  it('P16: DSN parameters are sent to servers that support them, separately for each recipient', async () => {
    const server = await dsn('250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 1000000\r\n250 DSN\r\n');
    const at = await open(server.port);
    await send(at, to as never, { ret: 'HDRS', envid: 'id+2B1', body: '8BITMIME' });
    expect(server.lines.filter((line) => /^(MAIL|RCPT)/.test(line))).toEqual([
      expect.stringMatching(/^MAIL FROM:<maomao@baidu\.com> SIZE=\d+ BODY=8BITMIME ENVID=id\+2B1 RET=HDRS$/),
      'RCPT TO:<a@qq.com> ORCPT=rfc822;x+2By@group.com NOTIFY=SUCCESS,DELAY',
      'RCPT TO:<b@qq.com> ORCPT=rfc822;b+2Bc@qq.com NOTIFY=NEVER',
    ]);
    // The other server is now responsible for notifications.
    expect(await at.inbox('maomao@baidu.com')).toEqual([]);
  });

  it('P16: for servers without DSN the message is relayed, and its sender is notified of that', async () => {
    const server = await dsn('250 HELP\r\n');
    const at = await open(server.port);
    await send(at, to as never, { ret: 'HDRS' });
    expect(server.lines.filter((line) => /^RCPT/.test(line))).toEqual(['RCPT TO:<a@qq.com>', 'RCPT TO:<b@qq.com>']);
    const [told = ''] = await at.inbox('maomao@baidu.com');
    expect(told).toContain(
      'Final-Recipient: rfc822; a@qq.com\r\nOriginal-Recipient: rfc822;x+y@group.com\r\nAction: relayed\r\nStatus: 2.0.0\r\n',
    );
    expect(told).not.toContain('b@qq.com\r\n');
  });

  const UTF8_HEADER = MESSAGE.replace('Subject: hi', 'Subject: Grüße');
  it.each([
    ['ASCII mail', {}, MESSAGE, true],
    ['mail with a UTF-8 header', {}, UTF8_HEADER, false],
    [
      'mail with a UTF-8 header in a part',
      {},
      MESSAGE.replace('\r\n\r\n', '\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: ü\r\n\r\n'),
      false,
    ],
    ['mail with eight bits in its body', { body: '8BITMIME' }, `${MESSAGE}ü\r\n`, true],
    ['mail from a UTF-8 address', { reversePath: 'jürgen@baidu.com' }, MESSAGE, false],
  ] as const)(
    'P16: %s that was submitted with SMTPUTF8, to a server without it',
    async (_what, envelope, text, delivered) => {
      const poor = await dsn('250 8BITMIME\r\n');
      const at = await open(poor.port, { accounts: ['maomao@baidu.com', 'jürgen@baidu.com'] });
      await send(at, ['lisi@qq.com'], { smtputf8: true, ...envelope }, text);
      expect(poor.lines.some((line) => line.startsWith('MAIL'))).toBe(delivered);
      expect(sentLines(at)[0]).toContain(delivered ? 'dsn=2.0.0, status=sent' : 'dsn=5.6.7, status=bounced');
    },
  );

  it('P16: of two recipients, only the one with a UTF-8 address needs SMTPUTF8', async () => {
    const poor = await dsn('250 8BITMIME\r\n');
    const at = await open(poor.port);
    await send(at, ['lisi@qq.com', 'jürgen@qq.com'], { smtputf8: true });
    expect(poor.lines.filter((line) => line.startsWith('RCPT'))).toEqual(['RCPT TO:<lisi@qq.com>']);
    expect((await at.inbox('maomao@baidu.com'))[0]).toContain('Status: 5.6.7');
  });

  it('P16: SMTPUTF8 is requested from servers that offer it', async () => {
    const rich = await dsn('250 SMTPUTF8\r\n');
    const at = await open(rich.port);
    await send(at, ['jürgen@qq.com'], { smtputf8: true, body: '8BITMIME' }, UTF8_HEADER);
    const [mail, rcpt] = rich.lines
      .filter((line) => /^(MAIL|RCPT)/.test(line))
      .map((line) => Buffer.from(line, 'latin1').toString('utf8'));
    expect([mail, rcpt]).toEqual(['MAIL FROM:<maomao@baidu.com> BODY=8BITMIME SMTPUTF8', 'RCPT TO:<jürgen@qq.com>']);
  });

  it('local parts that need quotes are quoted, in recipients, senders and notifications', async () => {
    const server = await dsn('250 HELP\r\n');
    const at = await open(server.port, { accounts: ['"a> b"@baidu.com'] });
    const to = ['"a>b"@qq.com', '"a b"@qq.com', '"a\\"b"@qq.com', '"<>"@qq.com', 'a c@qq.com'];
    await send(at, to, { reversePath: '"a> b"@baidu.com' });
    expect(server.lines.filter((line) => /^(MAIL|RCPT)/.test(line))).toEqual([
      'MAIL FROM:<"a> b"@baidu.com>',
      ...to.slice(0, 4).map((one) => `RCPT TO:<${one}>`),
      'RCPT TO:<"a c"@qq.com>',
    ]);
    const refusing = await rude((line, socket) =>
      socket.write(/^(EHLO|MAIL|RSET)/.test(line) ? '250 ok\r\n' : '550 5.1.1 no\r\n'),
    );
    await at.stop();
    const next = await open(refusing.port, { accounts: ['"a> b"@baidu.com'] });
    await send(next, ['"a>b"@qq.com'], { reversePath: '"a> b"@baidu.com' });
    const [bounce = ''] = await next.inbox('"a> b"@baidu.com');
    expect(bounce).toContain('Final-Recipient: rfc822; "a>b"@qq.com');
    expect(bounce).toContain('\r\nTo: "a> b"@baidu.com\r\n');
    // The notification to a remote sender uses the same spelling.
    await send(next, ['"a>b"@qq.com'], { reversePath: '"x y"@far.com' });
    expect(next.lines.some((line) => line.includes('to=<"x y"@far.com>'))).toBe(true);
  });

  it('8-bit mail is converted for servers without 8BITMIME, unless disable_mime_output_conversion is set', async () => {
    const text = MESSAGE.replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: 8bit\r\n\r\nü = \r\n');
    const poor = await dsn('250 SIZE 1000000\r\n');
    const at = await open(poor.port);
    await send(at, ['lisi@qq.com'], { body: '8BITMIME' }, text);
    expect(poor.lines).toContain('=C3=BC =3D=20');
    expect(poor.lines).toContain('Content-Transfer-Encoding: quoted-printable');
    expect(poor.lines).toContain('MAIL FROM:<maomao@baidu.com>');
    await at.stop();
    const raw = await dsn('250 SIZE 1000000\r\n');
    const next = await open(raw.port, { settings: { disable_mime_output_conversion: 'yes' } });
    await send(next, ['lisi@qq.com'], { body: '8BITMIME' }, text);
    expect(raw.lines).toContain('\xc3\xbc = ');
    expect(raw.lines.find((line) => line.startsWith('MAIL'))).toMatch(/ SIZE=\d+$/);
  });

  it('mail labelled 8bit is announced as such, unless detect_8bit_encoding_header is no', async () => {
    const text = MESSAGE.replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: 8bit\r\n\r\nü\r\n');
    for (const [value, expected] of [
      ['yes', 'MAIL FROM:<maomao@baidu.com> BODY=8BITMIME'],
      ['no', 'MAIL FROM:<maomao@baidu.com>'],
    ] as const) {
      const far = await dsn('250 8BITMIME\r\n');
      const at = await open(far.port, { settings: { detect_8bit_encoding_header: value } });
      await send(at, ['lisi@qq.com'], {}, text);
      expect(far.lines.find((line) => line.startsWith('MAIL'))).toBe(expected);
      await at.stop();
    }
  });

  it('SIZE is the number of octets that follow, and lines beyond smtp_line_length_limit are broken', async () => {
    const sink = await sinkOf({ size: 1_000_000 });
    const at = await open(sink.port, { settings: { smtp_line_length_limit: '0' } });
    const long = `${'x'.repeat(5000)}\r\n`;
    await send(at, ['lisi@qq.com'], {}, MESSAGE + long);
    expect(sink.received[0]?.parameters.mail).toMatchObject({ SIZE: String(sink.received[0]?.text.length) });
    await at.stop();
    const next = await open(sink.port);
    await send(next, ['lisi@qq.com'], {}, MESSAGE + long);
    const lines = sink.received[1]?.text.split('\r\n') ?? [];
    expect(Math.max(...lines.map((line) => line.length))).toBe(998);
    expect(lines.filter((line) => /^ ?x{900}/.test(line)).map((line) => line.length)).toEqual([
      998, 998, 998, 998, 998,
    ]);
  });
});

describe('P9: checks of mail that leaves', () => {
  it('what they change is sent, and the message stays as it is', async () => {
    const sink = await sinkOf();
    const at = await open(sink.port, {
      tables: openTables().tables,
      settings: {
        smtp_header_checks: 'regexp:{{/^Subject: (.*)/ REPLACE Subject: [$$1]},{/^Received/ IGNORE},{/^To/ REJECT}}',
        smtp_body_checks: 'regexp:{{/^end/ REPLACE .end}}',
      },
    });
    await send(at);
    expect(sink.received[0]?.text).not.toContain('Received:');
    expect(sink.received[0]?.text).toMatch(/\r\nSubject: \[hi\]\r\n(?:.+\r\n)*\r\n\.dots\r\n\.\.two\r\n\.end\r\n$/);
    expect(at.lines.filter((line) => line.includes(' map: '))).toEqual([
      'postfix/smtp: unsupported command in smtp_header_checks map: REJECT',
    ]);
  });

  it('a table that cannot answer leaves the message in the queue, and nothing of it counts as sent', async () => {
    const sink = await sinkOf();
    const at = await open(sink.port, {
      settings: { smtp_header_checks: 'socketmap:x' },
      tables: tablesOf({ 'socketmap:x': () => Promise.reject(new Error('away')) }),
    });
    await send(at);
    expect(sink.received).toEqual([]);
    expect(reasons(await at.queue())).toEqual([['lisi@qq.com', '4.3.0', 'smtp_header_checks lookup problem']]);
  });
});

describe('soft_bounce', () => {
  it('P16: what would bounce waits in the queue, and nobody is told', async () => {
    const sink = await sinkOf({ rcpt: () => [550, '5.1.1 no such user'] });
    const at = await open(sink.port, { settings: { soft_bounce: 'yes' } });
    await send(at);
    expect(reasons(await at.queue())).toEqual([['lisi@qq.com', '4.1.1', expect.stringContaining('no such user')]]);
    expect(sentLines(at)[0]).toMatch(/dsn=4\.1\.1, status=SOFTBOUNCE \(host /);
    expect(await at.inbox('maomao@baidu.com')).toEqual([]);
  });
});

describe('P11: smtp_generic_maps', () => {
  const generic = (answers: Readonly<Record<string, string>> | (() => Promise<string>)): HouseOptions => ({
    settings: { smtp_generic_maps: 'hash:g', propagate_unmatched_extensions: 'generic', recipient_delimiter: '+' },
    tables: tablesOf({ 'hash:g': answers }),
  });

  it('other servers see other addresses in envelope and header, and the message here stays as it is', async () => {
    const sink = await sinkOf();
    const at = await open(
      sink.port,
      generic({ 'maomao@baidu.com': 'mao@isp.example', '@qq.com': 'all@qq.com', 'xixi@baidu.com': 'xi@isp.example' }),
    );
    const text = `From: "M" <Maomao@baidu.com>\r\nCc: xixi+x@baidu.com,\r\n\to@else.example\r\nX-From: maomao@baidu.com\r\n\r\nFrom: maomao@baidu.com\r\n`;
    await send(at, ['lisi@qq.com', 'xixi@baidu.com'], {}, text);
    expect(sink.received[0]).toMatchObject({ from: 'mao@isp.example', to: ['all@qq.com'] });
    expect(sink.received[0]?.text).toMatch(
      /\r\nFrom: "M" <mao@isp\.example>\r\nCc: xi\+x@isp\.example, o@else\.example\r\nX-From: maomao@baidu\.com\r\n(?:.+\r\n)*\r\nFrom: maomao@baidu\.com\r\n$/,
    );
    expect((await at.inbox('xixi@baidu.com'))[0]).toContain(
      'From: "M" <Maomao@baidu.com>\r\nCc: xixi+x@baidu.com,\r\n\to@',
    );
    expect(sentLines(at)[0]).toContain('to=<lisi@qq.com>');
  });

  it('a table that cannot answer leaves the message in the queue', async () => {
    const sink = await sinkOf();
    const at = await open(
      sink.port,
      generic(() => Promise.reject(new Error('away'))),
    );
    await send(at);
    expect(sink.received).toEqual([]);
    expect(reasons(await at.queue())).toEqual([['lisi@qq.com', '4.3.0', 'smtp_generic_maps lookup problem']]);
  });
});

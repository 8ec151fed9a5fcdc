import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { generate } from 'selfsigned';
import { describe, expect, it, onTestFinished } from 'vitest';
import { reply } from '../../../src/mail/status.ts';
import { listen } from '../../../src/net/listener.ts';
import { secure, TlsIdentity } from '../../../src/net/tls.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { openLoopback } from '../../kit/loopback.ts';
import { SmtpClient } from '../../kit/smtp-client.ts';
import { clientForTest, type House, houseForTest } from './house.ts';

async function meet(at: House): Promise<SmtpClient> {
  const client = await clientForTest(at);
  await client.reply();
  return client;
}

const START = ['mail from:<a@qq.com>', 'rcpt to:<maomao@baidu.com>'] as const;

describe('DATA', () => {
  it('a bare LF next to the dot never ends a message', async () => {
    for (const trick of ['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r\n.\r', '\r.\r\n', '\n\r.\r\n', '\r\n.\r\r\n']) {
      const at = await houseForTest();
      const client = await meet(at);
      await client.run('ehlo x', ...START, 'data');
      client.send(`one${trick}MAIL FROM:<smuggled@qq.com>\r\nRCPT TO:<xixi@baidu.com>\r\nDATA\r\n.\r\n`);
      expect(await client.reply(), JSON.stringify(trick)).toMatch(/^250 2\.0\.0 Ok: queued/);
      expect(await client.say('noop')).toBe('250 2.0.0 Ok');
      expect(at.taken).toHaveLength(1);
      expect(at.taken[0]?.body.toString()).toContain('MAIL FROM:<smuggled@qq.com>');
    }
  });

  it('dot-stuffing is removed, however the octets are split', async () => {
    const at = await houseForTest({ slowWrites: true });
    const client = await meet(at);
    await client.run(...START, 'data');
    for (const octet of '..one\r\n.two\r\n...\r\n..\r\n\r\n.\r\n') {
      client.send(octet);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.reply()).toMatch(/^250 /);
    expect(at.taken[0]?.body.toString()).toBe('.one\r\ntwo\r\n..\r\n.\r\n\r\n');
  });

  it('an empty message is accepted', async () => {
    const at = await houseForTest();
    const client = await meet(at);
    await client.run(...START, 'data');
    expect(await client.say('.')).toMatch(/^250 /);
    expect(at.taken[0]?.body).toHaveLength(0);
  });

  it('P2: a message over message_size_limit is read to its end and refused; nothing is kept', async () => {
    const at = await houseForTest({ parameters: { message_size_limit: '1000' } });
    const client = await meet(at);
    expect(await client.say('mail from:<a@b> SIZE=1001')).toBe('552 5.3.4 Message size exceeds fixed limit');
    await client.run(...START, 'data');
    expect(await client.say(`${'x'.repeat(500_000)}\r\n.`)).toBe('552 5.3.4 Error: message file too big');
    expect(at.taken[0]?.outcome).toBe('aborted');
    expect(await client.say('noop')).toBe('250 2.0.0 Ok');
  });

  it('a client that disconnects halfway leaves nothing behind', async () => {
    const at = await houseForTest();
    const client = await meet(at);
    await client.run(...START, 'data');
    client.send('half a mess');
    client.destroy();
    while (at.smtp.sessions > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(at.taken[0]?.outcome).toBe('aborted');
    expect(at.log).toContain('lost connection after DATA (0 bytes) from unknown[127.0.0.1]');
  });

  it('P13: a client that half-closes after the message still gets the reply', async () => {
    const at = await houseForTest({
      answer: async ({ transaction }) => {
        await new Promise((resolve) => setImmediate(resolve));
        return reply(250, '2.0.0', `Ok: queued as ${transaction.queueId}`);
      },
    });
    const client = await meet(at);
    client.send(`ehlo x\r\n${START.join('\r\n')}\r\ndata\r\nhello\r\n.\r\n`);
    client.end();
    const replies = [
      await client.reply(),
      await client.reply(),
      await client.reply(),
      await client.reply(),
      await client.reply(),
    ];
    expect(replies[4]).toMatch(/^250 2\.0\.0 Ok: queued as /);
    expect(await client.reply()).toBe('');
  });

  it('a refusal of the receiver is sent to the client, and its exception becomes 451', async () => {
    const at = await houseForTest({
      answer: ({ body }) =>
        body.toString() === 'bad\r\n' ? reply(550, '5.7.1', 'No') : Promise.reject(new Error('disk')),
    });
    const client = await meet(at);
    await client.run(...START, 'data');
    expect(await client.say('bad\r\n.')).toBe('550 5.7.1 No');
    await client.run(...START, 'data');
    expect(await client.say('good\r\n.')).toBe('451 4.3.0 Error: queue file write error');
    expect(await client.say('data')).toBe('503 5.5.1 Error: need RCPT command');
  });

  it('a pipelined group is answered in one write and in order', async () => {
    const at = await houseForTest();
    const client = await meet(at);
    client.send(`ehlo x\r\n${START.join('\r\n')}\r\nrcpt to:<lisi@qq.com>\r\nrcpt to:<xixi@baidu.com>\r\ndata\r\n`);
    const codes: string[] = [];
    for (let i = 0; i < 6; i += 1) codes.push((await client.reply()).slice(0, 3));
    expect(codes).toEqual(['250', '250', '250', '554', '250', '354']);
    client.send(`one\r\n.\r\n${START.join('\r\n')}\r\ndata\r\n`);
    for (let i = 0; i < 4; i += 1) await client.reply();
    client.send('two\r\n.\r\nquit\r\n');
    expect(await client.reply()).toMatch(/^250 2\.0\.0 Ok: queued/);
    expect(await client.reply()).toBe('221 2.0.0 Bye');
    expect(at.taken.map((taken) => taken.body.toString())).toEqual(['one\r\n', 'two\r\n']);
  });
});

describe('LMTP', () => {
  it('D4: uses LHLO, and sends one reply per recipient at the end', async () => {
    const at = await houseForTest({ server: { lmtp: true, service: 'lmtp' } });
    const client = await clientForTest(at);
    expect(await client.reply()).toBe('220 mail.baidu.com LMTP');
    expect(await client.say('ehlo x')).toBe('500 5.5.2 Error: command not recognized');
    expect(await client.say('lhlo x')).not.toContain('ETRN');
    await client.run('mail from:<a@qq.com>', 'rcpt to:<xixi@baidu.com>', 'rcpt to:<haha@baidu.com>');
    expect(await client.say('rcpt to:<lisi@qq.com>')).toBe("550 5.1.1 <lisi@qq.com> User doesn't exist: lisi@qq.com");
    await client.run('data');
    expect(await client.say('x\r\n.')).toMatch(/^250 2\.0\.0 <xixi@baidu.com> [0-9A-Z]+ Saved$/i);
    expect(await client.reply()).toMatch(/^250 2\.0\.0 <haha@baidu.com> [0-9A-Z]+ Saved$/i);
    expect(await client.say('noop')).toBe('250 2.0.0 Ok');
    expect(at.taken[0]?.connection?.protocol).toBe('LMTP');
  });

  it('D4: DATA without a recipient is 503 (RFC 2033), and a refusal is sent once per recipient', async () => {
    const at = await houseForTest({
      parameters: { message_size_limit: '100' },
      server: { lmtp: true, service: 'lmtp' },
    });
    const client = await meet(at);
    await client.run('lhlo x', 'mail from:<>');
    expect(await client.say('rcpt to:<nobody@baidu.com>')).toBe(
      "550 5.1.1 <nobody@baidu.com> User doesn't exist: nobody@baidu.com",
    );
    expect(await client.say('data')).toBe('503 5.5.0 No valid recipients');
    await client.run('rcpt to:<xixi@baidu.com>', 'rcpt to:<haha@baidu.com>', 'data');
    expect(await client.say(`${'x'.repeat(200)}\r\n.`)).toMatch(/^552 5\.3\.4 /);
    expect(await client.reply()).toMatch(/^552 5\.3\.4 /);
    await client.run('mail from:<>', 'rcpt to:<xixi@baidu.com>', 'rcpt to:<haha@baidu.com>');
    client.send('BDAT 3\r\na\r\nBDAT 0 LAST\r\n');
    expect(await client.reply()).toBe('250 2.0.0 Ok: 3 bytes');
    expect(await client.reply()).toMatch(/<xixi@baidu.com> \w+ Saved$/);
    expect(await client.reply()).toMatch(/<haha@baidu.com> \w+ Saved$/);
    expect(at.taken.at(-1)?.body.toString()).toBe('a\r\n');
  });
});

describe('BDAT', () => {
  it('takes octets unchanged, including dots and bare LF', async () => {
    const at = await houseForTest();
    const client = await meet(at);
    await client.run('ehlo x', ...START);
    client.send('BDAT 10 LAST\r\n..a\n.\r\n.\r\n');
    expect(await client.reply()).toMatch(/^250 2\.0\.0 Ok: 10 bytes queued as /);
    expect(at.taken[0]?.body.toString()).toBe('..a\n.\r\n.\r\n');
    expect(await client.say('noop')).toBe('250 2.0.0 Ok');
  });

  it('P13: chunks become one message; an empty LAST chunk ends it', async () => {
    const at = await houseForTest();
    const client = await meet(at);
    await client.run('ehlo x', ...START);
    client.send('BDAT 6\r\none\n.\nBDAT 5\r\ntwo\r\nBDAT 0 LAST\r\nNOOP\r\n');
    expect(await client.reply()).toBe('250 2.0.0 Ok: 6 bytes');
    expect(await client.reply()).toBe('250 2.0.0 Ok: 5 bytes');
    expect(await client.reply()).toMatch(/^250 2\.0\.0 Ok: 11 bytes queued as /);
    expect(await client.reply()).toBe('250 2.0.0 Ok');
    expect(at.taken[0]?.body.toString()).toBe('one\n.\ntwo\r\n');
  });

  it('an empty chunk that is not the last is refused, and the message with it', async () => {
    const at = await houseForTest();
    const client = await meet(at);
    await client.run('ehlo x', ...START);
    client.send('BDAT 3\r\nabcBDAT 0\r\nBDAT 2\r\nxxBDAT 0 LAST\r\nNOOP\r\n');
    expect(await client.reply()).toBe('250 2.0.0 Ok: 3 bytes');
    expect(await client.reply()).toBe('551 5.7.1 Null BDAT request');
    expect(await client.reply()).toBe('551 5.0.0 Discarded 2 bytes after earlier error');
    expect(await client.reply()).toBe('551 5.0.0 Discarded 0 bytes after earlier error');
    expect(await client.reply()).toBe('250 2.0.0 Ok');
    expect(at.taken[0]?.outcome).toBe('aborted');
  });

  it('after a refused chunk the others are discarded, and the dialog stays in sync', async () => {
    const at = await houseForTest({ parameters: { message_size_limit: '10' } });
    const client = await meet(at);
    await client.run('ehlo x', ...START);
    client.send('BDAT 11\r\nNOOP\r\nNOOP\nBDAT 3\r\nabcBDAT 2 LAST\r\nxxNOOP\r\n');
    expect(await client.reply()).toBe('552 5.3.4 Chunk exceeds message size limit');
    expect(await client.reply()).toBe('551 5.0.0 Discarded 3 bytes after earlier error');
    expect(await client.reply()).toBe('551 5.0.0 Discarded 2 bytes after earlier error');
    expect(await client.reply()).toBe('250 2.0.0 Ok');
    expect(at.taken).toHaveLength(0);
    await client.run(...START);
    client.send('BDAT 3\r\nabc');
    expect(await client.reply()).toBe('250 2.0.0 Ok: 3 bytes');
    expect(await client.say('data')).toBe('503 5.5.1 Error: DATA after BDAT');
    expect(await client.say('rcpt to:<xixi@baidu.com>')).toBe('503 5.5.1 Error: RCPT after BDAT');
    expect(await client.say('rset')).toBe('250 2.0.0 Ok');
    expect(at.taken[0]?.outcome).toBe('aborted');
  });

  it('an invalid chunk size ends the session: the end of the chunk is unknown', async () => {
    const client = await meet(await houseForTest());
    expect(await client.say('BDAT many')).toBe('521 5.5.4 Syntax: BDAT count [LAST]');
    expect(await client.reply()).toBe('');
  });
});

describe('TLS', () => {
  async function identity(): Promise<TlsIdentity> {
    const folder = temporaryFolder('smtp-tls');
    onTestFinished(() => removeFolder(folder));
    const made = await generate([{ name: 'commonName', value: 'mail.baidu.com' }], {
      keyType: 'ec',
      algorithm: 'sha256',
    });
    await writeFile(join(folder, 'both.pem'), `${made.private}\n${made.cert}`);
    return TlsIdentity.load([{ certFile: join(folder, 'both.pem'), keyFile: join(folder, 'both.pem') }]);
  }

  it('T1: a closed connection no longer counts towards the limit of its port, also after STARTTLS and after a failed or abandoned handshake', async () => {
    const at = await houseForTest({ parameters: { smtpd_use_tls: 'yes' }, server: { tls: await identity() } });
    const port = await listen({
      name: 'smtp',
      address: '127.0.0.1',
      port: 0,
      tls: { mode: 'none' },
      maxConnections: 1,
      maxPerIp: 1,
      busyReply: '421 busy\r\n',
      onConnection: (socket) => at.smtp.serve(socket),
    });
    onTestFinished(() => port.close());
    const over = async (): Promise<void> => {
      while (at.smtp.sessions > 0 || port.connections > 0) await new Promise((resolve) => setImmediate(resolve));
    };
    for (const how of ['plain', 'tls', 'broken', 'left', 'tls']) {
      const client = await SmtpClient.open(port.port);
      expect(await client.reply()).toMatch(/^220 /);
      await client.run('ehlo x');
      if (how === 'tls') await client.startTls();
      if (how === 'broken' || how === 'left') await client.say('starttls');
      if (how === 'broken') client.send('no handshake at all\r\n');
      else if (how !== 'left') await client.run('quit');
      client.destroy();
      await over();
    }
  });

  it('T1, G4: STARTTLS starts a new session and discards input sent before the handshake', async () => {
    const at = await houseForTest({
      parameters: { smtpd_use_tls: 'yes', smtpd_tls_auth_only: 'yes' },
      server: { tls: await identity() },
    });
    const client = await meet(at);
    expect(await client.say('ehlo x')).toContain('250-STARTTLS');
    await client.run('mail from:<a@b>');
    await client.startTls('MAIL FROM:<injected@qq.com>\r\n');
    expect(await client.say('rcpt to:<xixi@baidu.com>')).toBe('503 5.5.1 Error: need MAIL command');
    const offered = await client.say('ehlo x');
    expect(offered).toContain('250-AUTH PLAIN LOGIN');
    expect(offered).not.toContain('STARTTLS');
    expect(await client.say('starttls')).toBe('554 5.5.1 Error: TLS already active');
    await client.run('auth plain AG1hb21hbwBtYW9tYW8=', 'mail from:<a@b>', 'rcpt to:<lisi@qq.com>', 'data');
    expect(await client.say('x\r\n.')).toMatch(/^250 /);
    expect(at.taken[0]?.connection).toMatchObject({
      tls: { protocol: 'TLSv1.3', bits: 256 },
      user: { login: 'maomao', mechanism: 'PLAIN' },
      protocol: 'ESMTP',
    });
    expect(
      at.log.some((line) =>
        /^Anonymous TLS connection established from unknown\[127\.0\.0\.1\]: TLSv1\.3 with cipher /.test(line),
      ),
    ).toBe(true);
  });

  it('P3: if TLS is required, only HELO, EHLO, NOOP, QUIT and STARTTLS are accepted before it', async () => {
    const at = await houseForTest({
      parameters: { smtpd_tls_security_level: 'encrypt' },
      server: { tls: await identity() },
    });
    const client = await meet(at);
    for (const line of ['mail from:<a@b>', 'auth plain', 'rset', 'vrfy x', 'bdat 1']) {
      expect(await client.say(line)).toBe('530 5.7.0 Must issue a STARTTLS command first');
    }
    await client.run('ehlo x', 'noop');
  });

  it('P3: a socket after its TLS handshake is served as smtps', async () => {
    const tls = await identity();
    const at = await houseForTest({ server: { tls } });
    const listener = await openLoopback((socket) => {
      secure(socket, tls).then(
        (secured) => at.smtp.serve(secured),
        () => socket.destroy(),
      );
    });
    onTestFinished(() => listener.close());
    const client = await clientForTest(listener);
    await client.secure();
    expect(await client.reply()).toMatch(/^220 /);
    expect(await client.say('ehlo x')).not.toContain('STARTTLS');
  });

  it('a failed handshake is logged and ends the connection', async () => {
    const at = await houseForTest({
      parameters: { smtpd_use_tls: 'yes' },
      server: {
        tls: { clientCertificates: null, context: () => createSecureContext({}), contextForName: () => undefined },
      },
    });
    const client = await meet(at);
    expect(await client.say('starttls')).toBe('220 2.0.0 Ready to start TLS');
    client.send('this is not a handshake\r\n');
    await client.reply();
    while (at.smtp.sessions > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(at.log.some((line) => line.startsWith('SSL_accept error from unknown[127.0.0.1]'))).toBe(true);
  });

  it('P8: more new TLS sessions than smtpd_client_new_tls_session_rate_limit are refused', async () => {
    const parameters = { smtpd_use_tls: 'yes', smtpd_client_new_tls_session_rate_limit: '1' };
    const at = await houseForTest({ parameters, server: { tls: await identity() } });
    const first = await meet(at);
    expect(await first.say('starttls')).toBe('220 2.0.0 Ready to start TLS');
    await first.secure();
    const second = await meet(at);
    expect(await second.say('starttls')).toBe('454 4.7.0 Error: too many new TLS sessions from unknown[127.0.0.1]');
  });

  it('STARTTLS is not offered without a certificate', async () => {
    const client = await meet(await houseForTest({ parameters: { smtpd_use_tls: 'yes' } }));
    expect(await client.say('ehlo x')).not.toContain('STARTTLS');
    expect(await client.say('starttls')).toBe('454 4.7.0 TLS not available due to local problem');
  });
});

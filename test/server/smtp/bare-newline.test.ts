/** smtpd_forbid_bare_newline with each of its values, its exclusions, and its reply code. */
import { describe, expect, it } from 'vitest';
import type { SmtpServerOptions } from '../../../src/server/smtp/server.ts';
import type { SmtpClient } from '../../kit/smtp-client.ts';
import { clientForTest, type House, type HouseOptions, houseForTest } from './house.ts';

async function meet(value: string, options: HouseOptions = {}): Promise<{ at: House; client: SmtpClient }> {
  const at = await houseForTest({
    ...options,
    parameters: { smtpd_forbid_bare_newline: value, ...options.parameters },
  });
  const client = await clientForTest(at);
  await client.reply();
  return { at, client };
}

const START = ['ehlo x', 'mail from:<a@qq.com>', 'rcpt to:<maomao@baidu.com>'] as const;
/** As a person with `nc` would type it. */
const NC = 'helo x\nmail from:<a@qq.com>\nrcpt to:<maomao@baidu.com>\ndata\nSubject: lf\n\nhello\n..x\n.\nquit\n';
const REFUSED = 'mail.baidu.com Error: bare <LF> received';

async function replies(client: SmtpClient): Promise<string[]> {
  const all: string[] = [];
  for (let text = await client.reply(); text !== ''; text = await client.reply()) all.push(text.slice(0, 3));
  return all;
}

async function logged(at: House, wanted: string): Promise<string> {
  for (;;) {
    const line = at.log.find((one) => one.startsWith(wanted));
    if (line !== undefined) return line;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('smtpd_forbid_bare_newline', () => {
  it.each<[string, Partial<SmtpServerOptions>]>([
    ['no', {}],
    ['normalize', { mayEndLinesWithLf: () => true }],
    ['reject', { mayEndLinesWithLf: async () => true }],
  ])('= %s: an excluded client may use bare LF in its whole dialog', async (value, server) => {
    const { at, client } = await meet(value, { server });
    client.send(NC);
    expect(await replies(client)).toEqual(['250', '250', '250', '354', '250', '221']);
    expect(at.taken.map(({ body }) => body.toString())).toEqual(['Subject: lf\n\nhello\n.x\n']);
  });

  it.each(['normalize', 'yes', 'note'])(
    '= %s: commands and lines may end with LF, but only CRLF.CRLF ends a message',
    async (value) => {
      const { at, client } = await meet(value);
      client.send(`${NC}\r\n.\r\nquit\n`);
      expect(await replies(client)).toEqual(['250', '250', '250', '354', '250', '221']);
      expect(at.taken.map(({ body }) => body.toString())).toEqual(['Subject: lf\n\nhello\n.x\nquit\n\r\n']);
    },
  );

  it('= note: the log names clients that sent bare LF, and no others', async () => {
    const { at, client } = await meet('note');
    await client.run(...START, 'data');
    await client.say('Subject: lf\r\n\r\na\nb\r\n.');
    await client.run('quit');
    client.destroy();
    expect(await logged(at, 'disconnect')).toMatch(/ commands=5 notes=bare_lf$/);
    const other = await clientForTest(at);
    await other.reply();
    at.log.length = 0;
    await other.run(...START, 'data');
    await other.say('Subject: crlf\r\n\r\na\rb\r\n.');
    await other.run('quit');
    other.destroy();
    expect(await logged(at, 'disconnect')).toMatch(/ commands=5$/);
  });

  it('= reject: a message with such a line is refused, and the session goes on', async () => {
    const { at, client } = await meet('reject');
    for (const body of ['Subject: lf\r\n\r\na\nb\r\n', 'a\r\n.\nb\r\n', 'a\n.\r\nb\r\n']) {
      await client.run(...START, 'data');
      expect(await client.say(`${body}.`)).toBe(`550 5.5.2 ${REFUSED}`);
    }
    await client.run(...START, 'data');
    expect(await client.say('a\rb\r\n.')).toMatch(/^250 /);
    expect(at.taken.map(({ outcome }) => outcome)).toEqual(['aborted', 'aborted', 'aborted', 'ended']);
    expect(await logged(at, at.taken[0]?.transaction.queueId ?? '')).toBeDefined();
    expect(at.log).toContain(
      `${at.taken[0]?.transaction.queueId}: reject: END-OF-MESSAGE from unknown[127.0.0.1]: bare <LF> received; from=<a@qq.com> to=<maomao@baidu.com> proto=ESMTP helo=<x>`,
    );
  });

  it('= reject: a chunk with such a line is refused; a CRLF split across two chunks is valid', async () => {
    const { client } = await meet('reject');
    await client.run(...START);
    client.send('BDAT 14\r\nSubject: x\r\n\r\nBDAT 4\r\na\nb\nBDAT 1 LAST\r\nx');
    expect(await client.reply()).toBe('250 2.0.0 Ok: 14 bytes');
    expect(await client.reply()).toBe(`550 5.5.2 ${REFUSED}`);
    expect(await client.reply()).toBe('551 5.0.0 Discarded 1 bytes after earlier error');
    await client.run(...START);
    client.send('BDAT 11\r\nSubject: x\rBDAT 4 LAST\r\n\n\r\nx');
    expect(await client.reply()).toBe('250 2.0.0 Ok: 11 bytes');
    expect(await client.reply()).toMatch(/^250 2\.0\.0 Ok: 17 bytes queued as /);
  });

  it('= reject: a command with such a line ends the session', async () => {
    const { at, client } = await meet('reject', { parameters: { smtpd_forbid_bare_newline_reject_code: '554' } });
    client.send(NC);
    expect(await client.reply()).toBe(`554 5.5.2 ${REFUSED}`);
    expect(await client.reply()).toBe('');
    client.destroy();
    expect(at.taken).toHaveLength(0);
    expect(at.log).toContain('NOQUEUE: reject: CONNECT from unknown[127.0.0.1]: bare <LF> received; proto=SMTP');
    expect(await logged(at, 'disconnect')).toBe('disconnect from unknown[127.0.0.1] commands=0/0');
  });

  it('if the exclusions cannot be looked up, no client is excluded', async () => {
    const { at, client } = await meet('reject', {
      server: { mayEndLinesWithLf: () => Promise.reject(new Error('no table')) },
    });
    client.send(NC);
    expect(await client.reply()).toBe(`550 5.5.2 ${REFUSED}`);
    expect(at.taken).toHaveLength(0);
  });
});

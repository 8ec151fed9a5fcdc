import { existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { createLog, formatLine } from '../src/log.ts';
import { temporaryFolder } from './kit/folder.ts';
import { jsonLines } from './kit/json-lines.ts';

it('P19: a line has the format of /var/log/maillog', () => {
  const time = new Date(2026, 10, 3, 4, 5, 6).getTime();
  const entry = { time, host: 'mail', process: 'postfix/smtpd', pid: 42, message: 'connect from unknown[127.0.1.77]' };
  expect(formatLine({ ...entry, level: 'info' })).toBe(
    'Nov  3 04:05:06 mail postfix/smtpd[42]: connect from unknown[127.0.1.77]',
  );
  expect(formatLine({ ...entry, level: 'warn' })).toBe(
    'Nov  3 04:05:06 mail postfix/smtpd[42]: warning: connect from unknown[127.0.1.77]',
  );
});

it('P19: text from a client can neither add a line nor control the terminal of the reader', () => {
  const entry = { time: 0, level: 'info', host: 'mail', process: 'postfix/smtp', pid: 42 };
  const message = 'said: 550 \x1b[2J\rno\nNov  3 forged: \u009b31m \u202egnp.exe 中文 é';
  expect(formatLine({ ...entry, message })).toMatch(
    /postfix\/smtp\[42\]: said: 550 \?\[2J\?no\?Nov {2}3 forged: \?31m \?gnp\.exe 中文 é$/,
  );
});

it('P19: maillog_file has the lines as text, under the name of syslog_name, and is opened again by its name', async () => {
  const textFile = join(temporaryFolder('log'), 'maillog');
  const log = createLog({ textFile, host: 'mail', program: 'mx' });
  log.child({ process: 'postfix/qmgr' }).info({}, 'ABC: removed');
  log.child({ process: 'postfix/submission/smtpd' }).warn({}, 'odd');
  await vi.waitFor(() => expect(existsSync(textFile)).toBe(true));
  renameSync(textFile, `${textFile}.1`);
  log.reopen();
  await vi.waitFor(() => expect(existsSync(textFile)).toBe(true));
  log.info({}, 'next');
  await log.flush();
  const text = [`${textFile}.1`, textFile].map((file) => readFileSync(file, 'utf8')).join('');
  expect(text.replaceAll(/^.{16}|\[\d+\]/gm, '')).toBe(
    'mail mx/qmgr: ABC: removed\nmail postfix/submission/smtpd: warning: odd\nmail posthorn: next\n',
  );
});

it('a line of a plugin has its name and its fields, on one line of bounded length', async () => {
  const file = join(temporaryFolder('log'), 'text');
  const fd = openSync(file, 'w');
  const log = createLog({ textFd: fd, host: 'mail' });
  const own = log.child({ plugin: 'greylist' });
  own.info(
    { client: '192.0.2.1', wait: 300, words: 'two words', list: ['a', 1], none: undefined, nul: null },
    'first seen',
  );
  own.warn({ subject: 'x\x1b[2J\n\u009b', 'a b=': '"', err: new Error('out of cheese') }, 'odd');
  own.info({ huge: 'x'.repeat(100_000), more: Array(1000).fill('y'.repeat(50)) }, 'long');
  const unreadable = Proxy.revocable({}, {});
  unreadable.revoke();
  own.info(
    {
      err: unreadable.proxy,
      when: {
        toJSON: () => {
          throw new Error('no');
        },
      },
    },
    'hostile',
  );
  log.child({ process: 'postfix/smtpd' }).info({ session: 's1' }, 'connect');
  await log.flush();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const text = (line: string | undefined): string => line?.slice(line.indexOf('mail ') + 5) ?? '';
  const at = `[${process.pid}]:`;
  expect(text(lines[0])).toBe(
    `posthorn/plugin/greylist${at} first seen client=192.0.2.1 wait=300 words="two words" list=["a",1] nul=null`,
  );
  expect(text(lines[1])).toBe(
    `posthorn/plugin/greylist${at} warning: odd subject="x\\u001b[2J\\n?" a?b?="\\"" err="out of cheese"`,
  );
  expect(lines[2]?.length).toBeLessThan(1_300);
  expect(text(lines[3])).toBe(
    `posthorn/plugin/greylist${at} hostile err="an error whose message is of type object" when="no"`,
  );
  expect(text(lines[4])).toBe(`postfix/smtpd${at} connect`);
});

it('an error that cannot be converted to text does not prevent its log line', async () => {
  const file = join(temporaryFolder('log'), 'mail.jsonl');
  const log = createLog({ file, host: 'mail' });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  log.error({ err: proxy }, 'uncaught');
  log.error(
    {
      err: Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('y');
        },
      }),
    },
    'uncaught',
  );
  await log.flush();
  expect(jsonLines<{ msg: string }>(file).map(({ msg }) => msg)).toEqual(['uncaught', 'uncaught']);
});

it('P19: the same as JSON, with ids, process and pid; nothing below the level', async () => {
  const file = join(temporaryFolder('log'), 'log', 'mail.jsonl');
  const log = createLog({ file, host: 'mail' });
  const child = log.child({ process: 'postfix/smtp', queueId: '4jW' });
  child.info({ relay: 'mail.qq.com' }, '4jW: status=sent');
  child.debug({}, 'not shown');
  await log.flush();
  const lines = jsonLines(file);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    level: 'info',
    host: 'mail',
    pid: process.pid,
    process: 'postfix/smtp',
    queueId: '4jW',
    relay: 'mail.qq.com',
    msg: '4jW: status=sent',
  });
});

it('continues in a new file after logrotate has moved the old one', async () => {
  const file = join(temporaryFolder('log'), 'mail.jsonl');
  const log = createLog({ file, host: 'mail' });
  log.info({}, 'before');
  await log.flush();
  renameSync(file, `${file}.1`);
  log.reopen();
  log.info({}, 'after');
  await log.flush();
  expect(readFileSync(`${file}.1`, 'utf8')).toContain('before');
  await expect.poll(() => readFileSync(file, 'utf8')).toContain('after');
});

it('a flush also writes the lines that arrived during an earlier write', async () => {
  const file = join(temporaryFolder('log'), 'mail.jsonl');
  const log = createLog({ file, host: 'mail' });
  await vi.waitUntil(() => existsSync(file));
  // More than is buffered, so that writing starts.
  log.info({}, 'x'.repeat(10_000));
  log.info({}, 'stopped');
  await log.flush();
  expect(readFileSync(file, 'utf8')).toContain('stopped');
});

import { mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createLog, formatLine } from '../src/log.ts';

it('P19: a line reads like one of /var/log/maillog', () => {
  const time = new Date(2026, 10, 3, 4, 5, 6).getTime();
  const entry = { time, host: 'mail', process: 'postfix/smtpd', pid: 42, message: 'connect from unknown[127.0.1.77]' };
  expect(formatLine({ ...entry, level: 'info' })).toBe('Nov  3 04:05:06 mail postfix/smtpd[42]: connect from unknown[127.0.1.77]');
  expect(formatLine({ ...entry, level: 'warn' })).toBe('Nov  3 04:05:06 mail postfix/smtpd[42]: warning: connect from unknown[127.0.1.77]');
});

it("P19: a peer's words can neither add a line nor speak to the reader's terminal", () => {
  const entry = { time: 0, level: 'info', host: 'mail', process: 'postfix/smtp', pid: 42 };
  const message = 'said: 550 \x1b[2J\rno\nNov  3 forged: \u009b31m \u202egnp.exe 中文 é';
  expect(formatLine({ ...entry, message })).toMatch(/postfix\/smtp\[42\]: said: 550 \?\[2J\?no\?Nov {2}3 forged: \?31m \?gnp\.exe 中文 é$/);
});

it('P19: the same as JSON, with ids, process and pid; nothing below the level', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'posthorn-log-')), 'log', 'mail.jsonl');
  const log = createLog({ file, host: 'mail' });
  const child = log.child({ process: 'postfix/smtp', queueId: '4jW' });
  child.info({ relay: 'mail.qq.com' }, '4jW: status=sent');
  child.debug({}, 'not shown');
  await log.flush();
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'info',
    host: 'mail',
    pid: process.pid,
    process: 'postfix/smtp',
    queueId: '4jW',
    relay: 'mail.qq.com',
    msg: '4jW: status=sent',
  });
});

it('goes on in a new file after logrotate moved the old one away', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'posthorn-log-')), 'mail.jsonl');
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

/** Submissions of local users: accepted once, whatever dies; hostile files do no harm (requirement P4). */
import { spawnSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NEXT, OK } from '../../../src/bus/plugin.ts';
import { DropFile, type DropFolders, dropFolders, makeDropFolders } from '../../../src/delivery/pickup/maildrop.ts';
import { Pickup } from '../../../src/delivery/pickup/pickup.ts';
import { formatSubmission, parseSubmission, type Submission } from '../../../src/delivery/pickup/submission.ts';
import { createQueueIds } from '../../../src/mail/queue-id.ts';
import { reply } from '../../../src/mail/status.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import type { Handlers } from '../../kit/hooks.ts';
import { recordLog } from '../../kit/log.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { openLineServer } from '../client/sink.ts';
import { type HouseOptions, openHouse, type TestHouse, tablesOf } from '../house.ts';

const SUBMISSION: Submission = {
  sender: 'xixi',
  recipients: ['maomao@baidu.com'],
  fullName: '',
  notify: [],
  ret: '',
  envid: '',
  body: '8BITMIME',
  verp: '',
  verify: false,
  reports: false,
};

/** What x:senders says of everybody. */
const SENDERS: { get(key: string): string | undefined | Promise<string> } = { get: () => undefined };

let root: string;
let folders: DropFolders;
let house: TestHouse;
let pickup: Pickup | null;
let said: readonly string[];
beforeEach(async () => {
  root = temporaryFolder('pickup');
  folders = dropFolders(root);
  makeDropFolders(folders);
  pickup = null;
});
afterEach(async () => {
  await pickup?.close();
  await house.stop();
  removeFolder(root);
});

const SETTINGS = { myhostname: 'mail.baidu.com', myorigin: 'baidu.com', message_size_limit: '1000' };

async function open(options: HouseOptions = {}): Promise<void> {
  house = await openHouse({ ...options, settings: { ...SETTINGS, ...options.settings } });
}

/** Runs a pickup until it has looked at everything. */
async function pick(
  now = Date.now,
  settings: Readonly<Record<string, string>> = {},
  until = async (): Promise<void> => {},
): Promise<void> {
  const { log, lines } = recordLog(({ message }) => message);
  said = lines;
  pickup = new Pickup({
    folders,
    acceptor: () => ({
      ...house,
      parameters: parametersOf({ ...SETTINGS, ...settings }),
      tables: tablesOf({ 'static:anyone': () => 'x', 'static:*': () => '*', 'x:senders': (key) => SENDERS.get(key) }),
    }),
    newQueueId: createQueueIds(now, 9),
    clock: now,
    log,
  });
  await pickup.look();
  await until();
  await pickup.close();
}

async function drop(submission: Partial<Submission>, text = 'Subject: x\n\nhello\n'): Promise<void> {
  const file = await DropFile.make(folders, { ...SUBMISSION, ...submission });
  await file.write(Buffer.from(text));
  await file.finish();
}

const left = (): string[] => [...readdirSync(folders.maildrop), ...readdirSync(folders.pickup)];
const whole = (): Promise<string[]> => house.inbox('maomao@baidu.com');

describe('what the server accepts', () => {
  it('P4: not from users outside authorized_submit_users, whoever they say they are', async () => {
    await open();
    await drop({});
    await pick(Date.now, { authorized_submit_users: 'somebody' });
    expect(await whole()).toEqual([]);
    expect(left()).toEqual([]);
    expect(said.join('\n')).toMatch(/: removed a message of uid=\d+: User \S+\(\d+\) is not allowed to submit mail$/);
  });

  it('P4: not from senders outside local_login_sender_maps; one that cannot be looked up now stays', async () => {
    await open();
    const strict = { local_login_sender_maps: 'x:senders' };
    SENDERS.get = () => 'maomao, @other.test';
    await drop({});
    await pick(Date.now, strict);
    expect(said.join('\n')).toContain("not authorized to use sender='xixi'");
    expect(left()).toEqual([]);
    SENDERS.get = () => Promise.reject(new Error('away'));
    await drop({});
    await pick(Date.now, strict);
    expect(left()).toHaveLength(1);
    expect(await whole()).toEqual([]);
    SENDERS.get = () => 'maomao XIXI';
    await pick(() => Date.now() + 120_000, strict);
    expect(await whole()).toHaveLength(1);
  });

  it('P4: a submission is in the mailbox, with who sent it, and its file is gone', async () => {
    await open();
    await drop({ fullName: 'Xi Xi' }, 'Subject: x\nBcc: hidden@baidu.com\n\nhello\n');
    await pick();
    const [message = ''] = await whole();
    expect(message).toContain(`(Posthorn, from userid ${process.getuid?.()})`);
    expect(message).toContain('Return-Path: <xixi@baidu.com>\r\n');
    expect(message).toContain('From: Xi Xi <xixi@baidu.com>\r\n');
    expect(message).toMatch(/\r\n\r\nhello\r\n$/);
    expect(message).not.toContain('hidden');
    expect(left()).toEqual([]);
  });

  it('one that is still being written is not touched', async () => {
    await open();
    const file = await DropFile.make(folders, SUBMISSION);
    await pick();
    expect(left()).toHaveLength(1);
    await file.finish();
    await pick();
    expect(await whole()).toHaveLength(1);
  });

  it('P11: VERP of the command gives each recipient a sender of its own', async () => {
    await open();
    await drop({ sender: 'list@baidu.com', verp: '-=' });
    await pick();
    expect((await whole())[0]).toMatch(/^Return-Path: <list-maomao=baidu.com@baidu.com>\r\n/);
    for (const verp of ['-', 'abc', 'ä=', 5])
      expect(parseSubmission(JSON.stringify({ ...SUBMISSION, verp }))).toBe(
        'its VERP delimiters are not two characters',
      );
  });

  it('after a crash between acceptance and removal it is accepted again, and delivered once', async () => {
    await open();
    await drop({});
    const [name = ''] = readdirSync(folders.maildrop);
    const text = formatSubmission(SUBMISSION);
    await pick();
    const [id = ''] = said.flatMap((line) => /^(\w+): uid=/.exec(line)?.slice(1) ?? []);
    expect(name).not.toBe(id);
    writeFileSync(join(folders.pickup, id), `${text}Subject: x\n\nhello\n`);
    await pick(() => Date.now() + 120_000);
    expect(await whole()).toHaveLength(1);
    expect(left()).toEqual([]);
  });

  it('one that cannot be accepted now stays, under its queue ID', async () => {
    let isBroken = true;
    await open({
      handlers: {
        data_post: () => (isBroken ? { code: 'DENYSOFT' } : NEXT),
      },
    });
    await drop({});
    await pick();
    expect(await whole()).toEqual([]);
    const kept = readdirSync(folders.pickup);
    expect(kept).toHaveLength(1);
    isBroken = false;
    await pick(() => Date.now() + 120_000);
    expect(await whole()).toHaveLength(1);
    expect(left()).toEqual([]);
  });

  it('the sender is told of one that is refused for good', async () => {
    await open();
    await drop({}, `Subject: x\n\n${'long '.repeat(300)}\n`);
    await pick();
    expect(await whole()).toEqual([]);
    const [report = ''] = await house.inbox('xixi@baidu.com');
    expect(report).toContain('Subject: Undelivered Mail Returned to Sender');
    expect(report).toMatch(/Status: 5\.3\.4\r\nDiagnostic-Code: .*Message size exceeds fixed limit/);
    expect(left()).toEqual([]);
  });

  it('nobody is told of one with the null sender', async () => {
    await open();
    await drop({ sender: '' }, `Subject: x\n\n${'long '.repeat(300)}\n`);
    await pick();
    expect(house.lines.join('\n')).toContain('refused: 552 5.3.4');
    expect(left()).toEqual([]);
  });
});

describe('what users may put there', () => {
  it('nobody but the owner can list the folder or remove files of others', () => {
    expect(statSync(folders.maildrop).mode & 0o7777).toBe(0o1733);
    expect(statSync(folders.pickup).mode & 0o777).toBe(0o700);
    house = { stop: async () => {} } as TestHouse;
  });

  it('links, folders and pipes are removed, and what they point to is not read', async () => {
    await open();
    const secret = join(root, 'secret');
    writeFileSync(secret, `${formatSubmission(SUBMISSION)}secret`, { mode: 0o644 });
    symlinkSync(secret, join(folders.maildrop, 'link'));
    linkSync(secret, join(folders.maildrop, 'hard'));
    mkdirSync(join(folders.maildrop, 'folder'));
    spawnSync('mkfifo', ['-m', '644', join(folders.maildrop, 'pipe')]);
    await pick();
    expect(left()).toEqual([]);
    expect(await whole()).toEqual([]);
    expect(statSync(secret).isFile()).toBe(true);
  });

  it.each([
    ['no envelope', 'hello\n'],
    ['no line end', '{}'],
    ['an empty file', ''],
    ['another JSON value', '[1]\n'],
    ['a sender with a line break', formatSubmission({ ...SUBMISSION, sender: 'a\r\nb' })],
    ['a recipient that is a number', formatSubmission({ ...SUBMISSION, recipients: [1 as never] })],
    ['no recipient', formatSubmission({ ...SUBMISSION, recipients: [] })],
    ['far too many', formatSubmission({ ...SUBMISSION, recipients: Array(10_001).fill('a') })],
    ['a long address', formatSubmission({ ...SUBMISSION, sender: 'a'.repeat(300) })],
    ['a full name with a line break', formatSubmission({ ...SUBMISSION, fullName: 'a\nX: y' })],
    ['an unknown notify', formatSubmission({ ...SUBMISSION, notify: ['ALWAYS' as never] })],
    ['an envelope ID with a blank', formatSubmission({ ...SUBMISSION, envid: 'a b' })],
    ['a verify that is a word', formatSubmission({ ...SUBMISSION, verify: 'yes' as never })],
    ['a first line without end', `${'x'.repeat(2 * 1024 * 1024)}`],
  ])('%s: removed and logged', async (_what, text) => {
    await open();
    const path = join(folders.maildrop, 'odd');
    writeFileSync(path, text);
    chmodSync(path, 0o644);
    await pick();
    expect(left()).toEqual([]);
    expect(said.join('\n')).toContain('that is no message');
  });

  it('a file that was never completed is removed after a day', async () => {
    await open();
    const path = join(folders.maildrop, 'old');
    writeFileSync(path, '', { mode: 0o600 });
    utimesSync(path, new Date(Date.now() - 90_000_000), new Date(Date.now() - 90_000_000));
    await pick();
    expect(left()).toEqual([]);
  });

  it('an envelope goes through the file unchanged', () => {
    const all: Submission = {
      ...SUBMISSION,
      notify: ['SUCCESS', 'DELAY'],
      ret: 'HDRS',
      envid: 'a+2Bb',
      body: '7BIT',
      verp: '-=',
      verify: true,
    };
    expect(parseSubmission(formatSubmission(all))).toEqual(all);
    house = { stop: async () => {} } as TestHouse;
  });
});

describe('sendmail -bv', () => {
  const PROBE = 'From: xixi\nSubject: probe\nTo:\tmaomao\n';
  const reports = (): Promise<string[]> => house.inbox('xixi@baidu.com');
  const done = (): Promise<void> => vi.waitFor(() => expect(left()).toEqual([]));
  const later = (): number => Date.now() + 120_000;
  const both: NonNullable<Handlers['expand']> = ({ recipient, into }) => {
    if (recipient.address !== 'both@baidu.com') return NEXT;
    for (const address of ['maomao@baidu.com', 'haha@baidu.com']) into.push({ ...recipient, address });
    return OK;
  };

  it('P4: a report says of each address whether mail would reach it; nothing is sent, and the file is gone', async () => {
    await open({ handlers: { expand: both } });
    await drop({ verify: true, recipients: ['maomao', 'nobody', 'both'] }, PROBE);
    await pick(Date.now, {}, done);
    const [report = '', ...more] = await reports();
    expect(more).toEqual([]);
    expect(report).toContain('Subject: Mail Delivery Status Report\r\n');
    expect(report).toContain('This is the report about the delivery that you asked for.');
    const group =
      /Final-Recipient: rfc822; (\S+)\r\nOriginal-Recipient: rfc822;(\S+)\r\nAction: (\S+)\r\nStatus: (\S+)/g;
    expect([...report.matchAll(group)].map(([, ...words]) => words.join(' '))).toEqual([
      'maomao@baidu.com maomao@baidu.com deliverable 2.0.0',
      'nobody@baidu.com nobody@baidu.com undeliverable 5.1.1',
      'maomao@baidu.com both@baidu.com deliverable 2.0.0',
      'haha@baidu.com both@baidu.com deliverable 2.0.0',
    ]);
    expect(report).toContain('Content-Description: Message Headers\r\n');
    expect(report).toContain('Subject: probe\r\nTo:\tmaomao\r\n');
    expect(await whole()).toEqual([]);
  });

  it('P4: an end before the answer of another server loses no question: the next look asks again', async () => {
    let isSilent = true;
    const far = await openLineServer((line, socket) => {
      if (!isSilent || !line.startsWith('RCPT')) socket.write(line === 'DATA' ? '354 go\r\n' : '250 2.0.0 ok\r\n');
    }, '220 far.test ESMTP\r\n');
    try {
      await open({ settings: { relayhost: `[127.0.0.1]:${far.port}` } });
      await drop({ verify: true, recipients: ['far@far.test'] }, PROBE);
      await pick(Date.now, {}, () => vi.waitFor(() => expect(far.lines).toContain('RCPT TO:<far@far.test>')));
      expect(left()).toHaveLength(1);
      expect(await reports()).toEqual([]);
      isSilent = false;
      await pick(later, {}, done);
      expect((await reports())[0]).toMatch(/Final-Recipient: rfc822; far@far\.test\r\n.*\r\nAction: deliverable\r\n/);
      // As the sender of the mail would be asked, and no message was sent.
      expect(far.lines.filter((line) => line.startsWith('MAIL'))).toEqual(Array(2).fill('MAIL FROM:<xixi@baidu.com>'));
      expect(far.lines).not.toContain('DATA');
    } finally {
      await far.close();
    }
  });

  it('P4: the file stays while its report is not accepted, up to maximal_queue_lifetime', async () => {
    await open();
    const refuse = () =>
      vi.spyOn(house.receiver, 'beginInternal').mockReturnValue({
        write: async () => {},
        end: async () => reply(451, '4.3.0', 'not now'),
        abort: () => {},
      } as unknown as ReturnType<typeof house.receiver.beginInternal>);
    const refused = (): Promise<void> =>
      vi.waitFor(() => expect(house.lines.join('\n')).toContain('notification not accepted: 451 4.3.0 not now'));
    await drop({ verify: true }, PROBE);
    const away = refuse();
    await pick(Date.now, {}, refused);
    expect(left()).toHaveLength(1);
    away.mockRestore();
    await pick(later, {}, done);
    expect(await reports()).toHaveLength(1);
    await drop({ verify: true }, PROBE);
    refuse();
    await pick(later, { maximal_queue_lifetime: '1s' }, done);
    expect(said.join('\n')).toContain('the question is given up');
  });

  it('P4: nobody is told of a question of the null sender or that of double bounces', async () => {
    await open();
    await drop({ verify: true, sender: '' }, PROBE);
    await drop({ verify: true, sender: 'double-bounce@mail.baidu.com' }, PROBE);
    await pick(Date.now, {}, done);
    for (const kind of ['single', 'double'])
      expect(house.lines.join('\n')).toContain(`not sending trace/success notification for ${kind}-bounce message`);
    expect(await whole()).toEqual([]);
  });
});

/** Submissions of local users: accepted once, whatever dies; hostile files do no harm (requirement P4). */
import { spawnSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NEXT } from '../../../src/bus/hook.ts';
import { DropFile, type DropFolders, dropFolders, makeDropFolders } from '../../../src/delivery/pickup/maildrop.ts';
import { Pickup } from '../../../src/delivery/pickup/pickup.ts';
import { formatSubmission, parseSubmission, type Submission } from '../../../src/delivery/pickup/submission.ts';
import { createQueueIds } from '../../../src/mail/queue-id.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { recordLog } from '../../kit/log.ts';
import { parametersOf } from '../../kit/parameters.ts';
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
  house = await openHouse({ ...options, settings: SETTINGS });
}

/** Runs a pickup until it has looked at everything. */
async function pick(now = Date.now, settings: Readonly<Record<string, string>> = {}): Promise<void> {
  const { log, lines } = recordLog(({ message }) => message);
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
  await pickup.close();
  said = lines;
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
    };
    expect(parseSubmission(formatSubmission(all))).toEqual(all);
    house = { stop: async () => {} } as TestHouse;
  });
});

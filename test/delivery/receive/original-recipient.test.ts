/** enable_original_recipient: whether mailboxes, files and commands are told to whom mail was addressed at first. */
import { chmodSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { NEXT, OK } from '../../../src/bus/hook.ts';
import { createTransports, type PipeCommand } from '../../../src/lookup/transports.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';

let house: TestHouse;
let folder: string;
afterEach(async () => {
  await house.stop();
  removeFolder(folder);
});

const TEXT = 'Subject: x\r\n\r\nx\r\n';

async function open(answer: 'yes' | 'no'): Promise<void> {
  folder = temporaryFolder('original');
  chmodSync(folder, 0o777);
  const parameters = parametersOf();
  const command: PipeCommand = {
    argv: ['/bin/sh', '-c', 'cat > out', '-', '${original_recipient}'],
    user: null,
    obstacle: null,
    directory: folder,
    timeLimit: 20_000,
    environment: { PATH: '/usr/bin:/bin' },
    flags: new Set('O'),
    nullSender: '',
    sizeLimit: 0,
    lineEnd: '\n',
  };
  house = await openHouse({
    settings: {
      enable_original_recipient: answer,
      transport_maps: 'hash:/transport',
      default_privs: process.getuid?.() === 0 ? 'nobody' : userInfo().username,
    },
    tables: tablesOf({ 'hash:/transport': { 'piped.example': 'piped:' } }),
    transports: createTransports({
      parameters,
      rows: [{ name: 'piped', program: 'pipe', limit: 2, parameters, command }],
    }),
    handlers: {
      expand: ({ recipient, into }) => {
        if (recipient.address === 'alias@baidu.com') into.push({ ...recipient, address: 'maomao@baidu.com' });
        else if (recipient.address === 'piped@baidu.com') into.push({ ...recipient, address: 'p@piped.example' });
        else if (recipient.address === 'file@baidu.com')
          into.push({
            ...recipient,
            target: { kind: 'file', text: join(folder, 'file'), user: null, source: null },
          });
        else return NEXT;
        return OK;
      },
    },
  });
  house.runner.start();
}

test.each([
  ['yes', true],
  ['no', false],
] as const)('P18: X-Original-To with enable_original_recipient = %s', async (answer, isNamed) => {
  await open(answer);
  await house.submit({ to: ['alias@baidu.com', 'piped@baidu.com', 'file@baidu.com'] }, TEXT);
  await house.submit({ to: [{ address: 'alias@baidu.com', notify: ['SUCCESS'] }], reversePath: '' }, TEXT);
  await house.runner.idle();
  const boxes = await house.inbox('maomao@baidu.com');
  expect(boxes).toHaveLength(2);
  const texts = [...boxes, ...['file', 'out'].map((name) => readFileSync(join(folder, name), 'utf8'))];
  expect(texts.map((text) => /^X-Original-To: .*$/m.exec(text)?.[0].trim() ?? '')).toEqual(
    isNamed ? ['alias', 'alias', 'file', 'piped'].map((name) => `X-Original-To: ${name}@baidu.com`) : ['', '', '', ''],
  );
  for (const text of boxes) expect(text).toMatch(/^Return-Path: <.*>\r\n(X-Original-To: .*\r\n)?Delivered-To: maomao@/);
  // The log knows it in both cases.
  expect(house.lines.filter((line) => line.includes('orig_to=<piped@baidu.com>'))).toHaveLength(1);
});

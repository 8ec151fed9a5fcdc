/**
 * docs/reference/hooks.md has a section for every hook, with an example that uses that hook and answers as the page
 * describes.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import type { HookArguments, HookName, Verdict } from '../../src/bus/hook.ts';
import { HOOK_NAMES, isHookName } from '../../src/bus/verdict.ts';
import { parseHeader } from '../../src/protocol/mime/header.ts';
import { connect, openHouse, recipient, transactionOf } from '../bus/house.ts';
import { accountOf } from '../kit/directory.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

const page = readFileSync(new URL('../../docs/reference/hooks.md', import.meta.url), 'utf8');
const directory = temporaryFolder('hooks');
afterAll(() => removeFolder(directory));

interface Section {
  readonly hook: string;
  readonly plugin: string;
  readonly source: string;
}

const sections: readonly Section[] = page
  .split(/^### /m)
  .slice(1)
  .map((text) => {
    const example = /```ts\n(\/\/ plugins\.d\/([a-z0-9-]+)\/index\.ts\n.*?)```/s.exec(text);
    return { hook: text.slice(0, text.indexOf('\n')), source: example?.[1] ?? '', plugin: example?.[2] ?? '' };
  });

type House = Awaited<ReturnType<typeof openHouse>>;
type Sample = (house: House) => object;
const header = parseHeader(Buffer.from('Priority: urgent\r\nList-Id: <x.example>\r\n\r\n'));
const settled: Sample = () => ({
  queueId: 'Q',
  recipient: 'a@b.example',
  reply: { code: 250, enhanced: '2.0.0', text: 'Ok' },
  relay: 'b.example',
});
const login: Sample = () => ({ account: accountOf('xixi@baidu.com'), remoteIp: '127.0.0.1', tls: false });

/** An argument on which the example acts, and its verdict. */
const CASES: Readonly<Record<HookName, readonly [Sample, Verdict['code']]>> = {
  connect: [
    (house) => ({ connection: { ...connect(house), remote: { ...connect(house).remote, name: 'unknown' } } }),
    'DENY',
  ],
  helo: [(house) => ({ connection: connect(house), name: 'localhost' }), 'DENY'],
  unrecognized_command: [(house) => ({ connection: connect(house), verb: 'THANKS', argument: '' }), 'OK'],
  auth: [
    () => ({
      login: 'xixi@baidu.com',
      password: 'open sesame',
      passwordOctets: Buffer.from('open sesame'),
      remoteIp: '127.0.0.1',
      protocol: 'imap',
    }),
    'OK',
  ],
  mail: [(house) => ({ connection: connect(house), reversePath: 'a@b.example' }), 'DENY'],
  rcpt: [(house) => ({ connection: connect(house), recipient: recipient('closed@baidu.com') }), 'DENY'],
  vrfy: [(house) => ({ connection: connect(house), address: 'xixi@baidu.com' }), 'DENY'],
  etrn: [(house) => ({ connection: { ...connect(house), user: null }, domain: 'b.example' }), 'DENY'],
  data: [
    (house) => ({
      connection: {
        ...connect(house),
        transaction: { ...transactionOf('a@b.example'), recipients: Array(51).fill(recipient('xixi@baidu.com')) },
      },
    }),
    'DENY',
  ],
  data_post: [
    () => ({ connection: null, transaction: { ...transactionOf('a@b.example'), header }, content: Readable.from([]) }),
    'NEXT',
  ],
  queue: [
    () => ({
      connection: null,
      transaction: { ...transactionOf('a@b.example'), recipients: [recipient('sink@baidu.com')] },
    }),
    'OK',
  ],
  disconnect: [(house) => ({ connection: connect(house) }), 'NEXT'],
  expand: [() => ({ recipient: recipient('everybody@example.com'), into: [] }), 'OK'],
  deliver: [
    () => ({
      account: accountOf('xixi@baidu.com'),
      recipient: recipient('xixi@baidu.com'),
      header,
      reversePath: '',
      mailbox: 'INBOX',
      flags: [],
    }),
    'NEXT',
  ],
  delivered: [settled, 'NEXT'],
  deferred: [settled, 'NEXT'],
  bounce: [settled, 'NEXT'],
  imap_login: [login, 'DENY'],
  pop3_login: [login, 'DENY'],
  dns_query: [
    () => ({
      question: { name: 'whoami.baidu.com.', type: 16, class: 1 },
      type: 'TXT',
      remoteIp: '127.0.0.1',
      answer: { records: [], rcode: 'NOERROR' },
    }),
    'OK',
  ],
};

/** Changes of an example to its argument, or its log lines. */
const EFFECTS: Readonly<Partial<Record<HookName, (argument: never, lines: readonly string[]) => void>>> = {
  data_post: ({ transaction }: HookArguments['data_post']) => {
    expect(transaction.bcc).toEqual(['duty@example.com']);
    expect(transaction.prepend).toEqual([`X-Octets: ${transaction.size}`]);
  },
  expand: ({ into }: HookArguments['expand']) =>
    expect(into.map(({ address }) => address)).toEqual(['maomao@example.com', 'xixi@example.com']),
  deliver: ({ mailbox }: HookArguments['deliver']) => expect(mailbox).toBe('Lists'),
  disconnect: (_argument, lines) => expect(lines.join()).toContain('has left'),
  delivered: (_argument, lines) => expect(lines.join()).toContain('delivered: 1 so far'),
  deferred: (_argument, lines) => expect(lines.join()).toContain('deferred: 1 so far'),
  bounce: (_argument, lines) => expect(lines.join()).toContain('bounce: 1 so far'),
};

describe('docs/reference/hooks.md', () => {
  it('has one section for each hook', () =>
    expect(sections.map(({ hook }) => hook).sort()).toEqual([...HOOK_NAMES].sort()));

  it.each(sections)('$hook: its example uses the hook and answers as described', async ({ hook, plugin, source }) => {
    if (!isHookName(hook)) throw new Error(`${hook} is no hook`);
    mkdirSync(join(directory, plugin));
    writeFileSync(join(directory, plugin, 'index.ts'), source);
    const monday = Date.UTC(2026, 10, 23, 12);
    const house = await openHouse({
      plugins: [plugin],
      directories: [directory],
      accounts: ['xixi@baidu.com'],
      clock: () => monday,
    });
    expect(HOOK_NAMES.filter((name) => isHookName(name) && house.bus.has(name))).toEqual([hook]);
    const [sample, code] = CASES[hook];
    const argument = sample(house);
    expect((await house.bus.run(hook, argument as never)).code).toBe(code);
    EFFECTS[hook]?.(argument as never, house.lines);
  });
});

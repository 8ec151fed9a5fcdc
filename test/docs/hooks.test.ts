/**
 * docs/reference/hooks.md has a section for every hook, with an example that uses that hook and answers as the page
 * describes.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { deny, type HookArguments, type HookName, type Verdict } from '../../src/bus/hook.ts';
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
const login: Sample = () => ({
  account: accountOf('xixi@baidu.com'),
  remoteIp: '127.0.0.1',
  tls: false,
  mechanism: 'PLAIN',
});

const reader = () => ({ id: 's', account: accountOf('xixi@baidu.com'), remoteIp: '127.0.0.1', tls: true });
const INBOX = { name: 'INBOX', specialUse: '' };
const JUNK = { name: 'Junk', specialUse: '\\Junk' };
const LOGGED_IN = { login: 'xixi', mechanism: 'PLAIN', account: accountOf('xixi@baidu.com') };

/** An argument on which the example acts, and its verdict. */
const CASES: Readonly<Record<HookName, readonly [Sample, Verdict['code']]>> = {
  connect: [
    (house) => ({ connection: { ...connect(house), remote: { ...connect(house).remote, name: 'unknown' } } }),
    'DENY',
  ],
  connect_init: [
    (house) => ({ connection: { ...connect(house), remote: { ...connect(house).remote, ip: '192.0.2.7' } } }),
    'DENY',
  ],
  lookup_rdns: [
    (house) => ({
      connection: { ...connect(house), remote: { ...connect(house).remote, ip: '10.0.0.7' } },
      client: { name: 'unknown', reverseName: 'unknown', nameStatus: 'notfound' },
    }),
    'OK',
  ],
  capabilities: [(house) => ({ connection: connect(house), offered: ['PIPELINING', 'CHUNKING'] }), 'NEXT'],
  helo: [(house) => ({ connection: connect(house), name: 'localhost' }), 'DENY'],
  unrecognized_command: [(house) => ({ connection: connect(house), verb: 'THANKS', argument: '' }), 'OK'],
  auth: [
    () => ({
      login: 'xixi@baidu.com',
      password: 'open sesame',
      passwordOctets: Buffer.from('open sesame'),
      remoteIp: '127.0.0.1',
      protocol: 'imap',
      mechanism: 'PLAIN',
    }),
    'OK',
  ],
  smtp_login: [
    (house) => ({ connection: connect(house), account: accountOf('xixi@baidu.com'), mechanism: 'PLAIN' }),
    'DENY',
  ],
  mail: [(house) => ({ connection: connect(house), reversePath: 'a@b.example' }), 'DENY'],
  rcpt: [(house) => ({ connection: connect(house), recipient: recipient('closed@baidu.com') }), 'DENY'],
  rcpt_ok: [
    (house) => ({
      connection: { ...connect(house), transaction: transactionOf('') },
      recipient: recipient('xixi@baidu.com'),
    }),
    'NEXT',
  ],
  max_data_exceeded: [(house) => ({ connection: connect(house) }), 'DENY'],
  noop: [(house) => ({ connection: connect(house), argument: '' }), 'OK'],
  rset: [(house) => ({ connection: connect(house) }), 'OK'],
  quit: [(house) => ({ connection: connect(house) }), 'OK'],
  reset_transaction: [(house) => ({ connection: connect(house), transaction: transactionOf('a@b.example') }), 'NEXT'],
  deny: [
    (house) => ({ connection: { ...connect(house), user: LOGGED_IN }, hook: 'helo', plugin: 'x', verdict: deny() }),
    'OK',
  ],
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
  queue_outbound: [
    () => ({
      connection: null,
      transaction: { ...transactionOf('a@b.example'), header },
      recipients: Array(11).fill('a@b.example'),
    }),
    'DENY',
  ],
  sign: [
    () => ({
      connection: null,
      transaction: { ...transactionOf('a@b.example'), header },
      content: Readable.from([]),
      origin: 'plugin',
      recipients: ['a@b.example'],
    }),
    'NEXT',
  ],
  queue_ok: [
    () => ({
      connection: null,
      transaction: transactionOf('a@b.example'),
      reply: { code: 250, enhanced: '2.0.0', text: 'Ok' },
    }),
    'NEXT',
  ],
  disconnect: [(house) => ({ connection: connect(house) }), 'NEXT'],
  recipient_exists: [() => ({ address: 'ticket-17@example.com' }), 'OK'],
  expand: [() => ({ recipient: recipient('everybody@example.com'), into: [] }), 'OK'],
  deliver: [
    () => ({
      account: accountOf('xixi@baidu.com'),
      recipient: recipient('xixi@baidu.com'),
      header,
      reversePath: '',
      mailbox: 'INBOX',
      flags: [],
      copies: [],
      forward: [],
      drop: null,
    }),
    'NEXT',
  ],
  get_mx: [() => ({ domain: 'partner.example', hosts: [] }), 'OK'],
  send_email: [
    () => ({
      queueId: 'Q',
      sender: '',
      reversePath: '',
      recipients: ['a@holiday.example'],
      originals: [''],
      transport: 'smtp',
      nexthop: 'holiday.example',
      arrivedAt: 0,
    }),
    'DENYSOFT',
  ],
  delivered: [settled, 'NEXT'],
  deferred: [settled, 'NEXT'],
  bounce: [settled, 'NEXT'],
  imap_login: [login, 'DENY'],
  pop3_login: [login, 'DENY'],
  imap_command: [() => ({ session: reader(), command: 'DELETE', argument: 'Archive', mailbox: null }), 'DENY'],
  pop3_command: [() => ({ session: reader(), command: 'DELE', argument: '1' }), 'DENY'],
  message_appended: [() => ({ account: reader().account, mailbox: INBOX, uids: [7] }), 'NEXT'],
  message_moved: [() => ({ account: reader().account, mailbox: JUNK, from: INBOX, uids: [7] }), 'NEXT'],
  message_copied: [() => ({ account: reader().account, mailbox: JUNK, from: INBOX, uids: [7] }), 'NEXT'],
  message_deleted: [() => ({ account: reader().account, mailbox: INBOX, uids: [7, 8] }), 'NEXT'],
  zone_changed: [() => ({ zone: 'baidu.com.', serial: 7 }), 'NEXT'],
  account_changed: [() => ({ address: 'xixi@baidu.com', change: 'passwd' }), 'NEXT'],
  domain_changed: [() => ({ domain: 'baidu.com', change: 'add' }), 'NEXT'],
  log: [() => ({ level: 'error', process: 'posthorn', message: 'the disk is full', time: 0 }), 'NEXT'],
  dns_query: [
    () => ({
      question: { name: 'whoami.baidu.com.', type: 16, class: 1 },
      type: 'TXT',
      remoteIp: '127.0.0.1',
      zone: null,
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
  lookup_rdns: ({ client }: HookArguments['lookup_rdns']) => expect(client.name).toBe('host-7.office.example'),
  capabilities: ({ offered }: HookArguments['capabilities']) => expect(offered).toEqual(['PIPELINING', 'X-HELLO']),
  rcpt_ok: ({ connection }: HookArguments['rcpt_ok']) => expect(connection.transaction?.notes.get('accepted')).toBe(1),
  deliver: ({ mailbox }: HookArguments['deliver']) => expect(mailbox).toBe('Lists'),
  get_mx: ({ hosts }: HookArguments['get_mx']) => expect(hosts).toEqual([{ host: '192.0.2.25', port: 2525 }]),
  reset_transaction: (_argument, lines) => expect(lines.join()).toContain('from=a@b.example'),
  queue_ok: (_argument, lines) => expect(lines.join()).toContain('250 2.0.0 Ok'),
  message_appended: (_argument, lines) => expect(lines.join()).toContain('1 new in INBOX'),
  message_moved: (_argument, lines) => expect(lines.join()).toContain('14 octets of junk'),
  message_copied: (_argument, lines) => expect(lines.join()).toContain('1 copied to Junk'),
  message_deleted: (_argument, lines) => expect(lines.join()).toContain('2 deleted from INBOX'),
  zone_changed: (_argument, lines) => expect(lines.join()).toContain('baidu.com. has serial 7'),
  account_changed: (_argument, lines) => expect(lines.join()).toContain('xixi@baidu.com: passwd'),
  domain_changed: (_argument, lines) => expect(lines.join()).toContain('baidu.com: add'),
  disconnect: (_argument, lines) => expect(lines.join()).toContain('has left'),
  delivered: (_argument, lines) => expect(lines.join()).toContain('delivered: 1 so far'),
  deferred: (_argument, lines) => expect(lines.join()).toContain('deferred: 1 so far'),
  bounce: (_argument, lines) => expect(lines.join()).toContain('bounce: 1 so far'),
};

describe('docs/reference/hooks.md', () => {
  it('has one section for each hook', () =>
    expect(sections.map(({ hook }) => hook).sort()).toEqual([...HOOK_NAMES].sort()));

  it('says of each hook which addresses it is about', () => {
    const table = page.slice(page.indexOf('| hooks | addresses |'), page.indexOf('A call about no address'));
    const named = table.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)]);
    expect(named.map(([, hook]) => hook).sort()).toEqual([...HOOK_NAMES].sort());
  });

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

/**
 * `posthorn explain`, `posthorn test` and debug_peer_list, with the real program: what they say is what the server does,
 * and asking changes nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Explanation } from '../../src/admin/explanation.ts';
import type { TraceStep } from '../../src/tracing.ts';
import { type Finished, finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = `compatibility_level = 3.6
myhostname = mail.baidu.test
mydomain = baidu.test
myorigin = $mydomain
mydestination = $mydomain
inet_interfaces = 127.0.0.1
smtpd_peername_lookup = no
smtpd_sasl_auth_enable = yes
alias_maps = hash:/etc/aliases
virtual_alias_domains = group.test
virtual_alias_maps = hash:/etc/postfix/virtual
transport_maps = inline:{closed.test=error:closed}
mynetworks = 127.0.0.2
relayhost = [127.0.0.1]:9
smtpd_client_message_rate_limit = 20
header_checks = regexp:/etc/postfix/header_checks
smtpd_restriction_classes = vip
vip = check_sender_access hash:/etc/postfix/vip, reject
smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/access
smtpd_recipient_restrictions = permit_mynetworks,
  permit_sasl_authenticated,
  reject_counted,
  check_recipient_access hash:/etc/postfix/access,
  reject_unauth_destination
debug_peer_list = 127.0.0.3
virtual_mailbox_domains = virt.test
virtual_mailbox_maps = static:any
`;
const FILES = {
  'main.cf': MAIN,
  'master.cf': 'smtp inet n - n - - smtpd\nsubmission inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt\n',
  aliases: 'loop: pool\npool: loop\nroot: xixi\nteam: xixi, maomao, out@elsewhere.test\n',
  virtual: 'admin@group.test team\n',
  vip: 'friend.test OK\n',
  access: '# a remark\nspam.test REJECT go away\nboss@baidu.test vip\nheld.test HOLD\n',
  header_checks: '/^Subject: .*money/ REJECT no money\n/^Subject: hello/ INFO seen\n',
  plugins: 'counter\nrestrictions\nrewriting\n',
  'plugins.d/counter/index.ts': `import { definePlugin, DUNNO, NEXT } from 'posthorn/plugin';
let counted = 0;
export default definePlugin({
  name: 'counter',
  register(server) {
    server.on('mail', () => {
      counted += 1;
      server.log.info({}, 'counted ' + counted);
      return NEXT;
    });
    server.defineRestriction('reject_counted', { check: () => { counted += 1; return DUNNO; } });
  },
});
`,
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    files: FILES,
    portOffset: await freeOffset(),
    accounts: {
      xixi: 'one two three',
      maomao: 'four five six',
      boss: 'seven eight nine',
      'mao@virt.test': 'ten eleven twelve',
    },
  });
});
afterAll(() => server.stop());

const asked = (words: readonly string[]): Promise<Finished> => finish([...words, '--data', server.folders.data]);

/** Of the running server. */
async function explain(words: readonly string[]): Promise<Explanation> {
  const { out, err } = await asked(['explain', '--helo', 'client.test', '--json', ...words]);
  if (out === '') throw new Error(err);
  return JSON.parse(out) as Explanation;
}

type StepOf<K> = TraceStep & { readonly kind: K };

const ofKind = <K extends TraceStep['kind']>({ steps }: Explanation, kind: K): readonly StepOf<K>[] =>
  steps.filter((step): step is StepOf<K> => step.kind === kind);

/** The reply to each command, in order. */
function repliesOf(explanation: Explanation): readonly string[] {
  return ofKind(explanation, 'reply').map(({ text }) => text.replaceAll('\r\n', '\n'));
}

/** The lines of the log once it has one that matches. */
async function logLines(pattern: RegExp): Promise<readonly string[]> {
  const path = join(server.folders.data, 'log', 'mail.jsonl');
  return vi.waitFor(
    () => {
      const lines = readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { readonly msg: string }).msg);
      expect(lines.some((line) => pattern.test(line))).toBe(true);
      return lines;
    },
    { timeout: 10_000, interval: 50 },
  );
}

describe('posthorn explain', () => {
  it('P22: says of each recipient what the server says to a client', async () => {
    for (const [from, ...to] of [
      ['a@b.test', 'admin@group.test', 'nobody@baidu.test', 'x@far.test', 'xixi'],
      ['a@spam.test', 'xixi@baidu.test'],
      ['a@friend.test', 'boss@baidu.test', 'y@group.test', 'boss@baidu.test'],
      ['', 'boss@baidu.test', 'postmaster'],
    ]) {
      const client = await SmtpClient.open(server.port(25));
      const live = [
        await client.reply(),
        await client.say('EHLO client.test'),
        await client.say(`MAIL FROM:<${from}>`),
      ];
      for (const recipient of to) live.push(await client.say(`RCPT TO:<${recipient}>`));
      client.hangUp();
      const explained = await explain([
        '--client',
        '127.0.0.1',
        `--from=${from}`,
        ...to.flatMap((one) => ['--to', one]),
      ]);
      // STARTTLS is not offered to a client that does not exist.
      expect(repliesOf(explained).slice(0, live.length)).toEqual(
        live.map((reply) => reply.replace('250-STARTTLS\n', '')),
      );
    }
  });

  it('names every rule with its line, each key that a table was asked for, and what it answered', async () => {
    const explained = await explain(['--client', '192.0.2.1', '--from', 'a@friend.test', '--to', 'boss@baidu.test']);
    const rules = ofKind(explained, 'rule').map(({ list, rule, depth, result, place }) => [
      list.replace('smtpd_', ''),
      `${place?.line ?? '-'}`,
      `${'>'.repeat(depth - 1)}${rule}`,
      result,
    ]);
    expect(rules).toEqual([
      ['sender_restrictions', '19', 'check_sender_access hash:/etc/postfix/access', 'no opinion'],
      ['relay_restrictions', '-', 'permit_mynetworks', 'no opinion'],
      ['relay_restrictions', '-', 'permit_sasl_authenticated', 'no opinion'],
      ['relay_restrictions', '-', 'defer_unauth_destination', 'no opinion'],
      ['recipient_restrictions', '20', 'permit_mynetworks', 'no opinion'],
      ['recipient_restrictions', '21', 'permit_sasl_authenticated', 'no opinion'],
      ['recipient_restrictions', '22', 'reject_counted', 'not asked, because it may remember what it is asked'],
      ['recipient_restrictions', '23', 'check_recipient_access hash:/etc/postfix/access', 'see vip'],
      ['check_recipient_access', '-', '>vip', 'see check_sender_access hash:/etc/postfix/vip reject'],
      ['vip', '18', '>>check_sender_access hash:/etc/postfix/vip', 'permit'],
      ['reject_unlisted_recipient', '-', 'smtpd_reject_unlisted_recipient', 'no opinion'],
    ]);
    expect(ofKind(explained, 'lookup')).toContainEqual({
      kind: 'lookup',
      table: 'hash:/etc/postfix/access',
      key: 'boss@baidu.test',
      value: 'vip',
      place: { file: join(server.folders.config, 'access'), line: 3 },
    });
    expect(ofKind(explained, 'lookup')).toContainEqual(expect.objectContaining({ key: 'a@friend.test', value: null }));
  });

  it('shows where each recipient goes, and the way there', async () => {
    const explained = await explain([
      '--client',
      '127.0.0.2',
      '--from',
      'a@b.test',
      '--to',
      'admin@group.test',
      '--to',
      'z@closed.test',
    ]);
    const { destinations } = explained;
    expect(repliesOf(explained)).toContainEqual(
      expect.stringMatching(/^550 5.*<z@closed.test>: Recipient address rejected: closed/),
    );
    const way = ['admin@group.test', 'team@baidu.test'];
    expect(destinations).toEqual([
      {
        address: 'xixi@baidu.test',
        way: [...way, 'xixi@baidu.test'],
        addressClass: 'local',
        held: false,
        transport: 'local',
        nexthop: 'xixi@baidu.test',
        mailbox: 'INBOX',
      },
      {
        address: 'maomao@baidu.test',
        way: [...way, 'maomao@baidu.test'],
        addressClass: 'local',
        held: false,
        transport: 'local',
        nexthop: 'maomao@baidu.test',
        mailbox: 'INBOX',
      },
      {
        address: 'out@elsewhere.test',
        way: [...way, 'out@elsewhere.test'],
        addressClass: 'default',
        held: false,
        transport: 'smtp',
        nexthop: '[127.0.0.1]:9',
        mailbox: null,
      },
    ]);
  });

  it('P22: names the transport of a virtual mailbox as Postfix does', async () => {
    const explained = await explain(['--client', '127.0.0.1', '--from', 'a@b.test', '--to', 'mao@virt.test']);
    expect(explained.destinations).toMatchObject([
      { addressClass: 'virtual_mailbox', transport: 'virtual', nexthop: 'mao@virt.test', mailbox: 'INBOX' },
    ]);
  });

  it('shows what would wait on hold, and who is refused while addresses are replaced', async () => {
    const { destinations } = await explain([
      '--client',
      '127.0.0.1',
      '--from',
      'a@held.test',
      '--to',
      'maomao',
      '--to',
      'loop',
    ]);
    expect(destinations).toMatchObject([
      { address: 'maomao@baidu.test', transport: 'local', held: true, mailbox: null },
      { address: 'pool@baidu.test', transport: 'error', nexthop: '5.4.6 alias database loop for pool' },
    ]);
  });

  it('applies the checks of the header, and the service and rights of a user', async () => {
    const money = await explain([
      '--client',
      '127.0.0.1',
      '--from',
      'a@b.test',
      '--to',
      'xixi',
      '--header',
      'Subject: money',
    ]);
    expect(repliesOf(money).at(-2)).toBe('550 5.7.1 no money');
    expect(money.destinations).toEqual([]);
    const user = await explain([
      '--client',
      '192.0.2.1',
      '--from',
      'xixi@baidu.test',
      '--to',
      'x@far.test',
      '--user',
      'xixi',
      '--header',
      'Subject: hello',
    ]);
    expect(user).toMatchObject({
      service: 'submission',
      assumed: ['the connection is encrypted', 'logged in as xixi@baidu.test'],
      destinations: [{ address: 'x@far.test', transport: 'smtp' }],
    });
    expect(ofKind(user, 'log').some(({ text }) => text.includes('info: header Subject: hello'))).toBe(true);
    expect(
      await asked(['explain', '--client', '::1', '--helo', 'h', '--from', '', '--to', 'x', '--user', 'ghost']),
    ).toMatchObject({
      code: 1,
      err: 'posthorn: there is no account ghost; "posthorn user list" shows all\n',
    });
  });

  it('refuses what would not be one line of the dialog', async () => {
    const { code, err } = await asked([
      'explain',
      '--client',
      '::1',
      '--helo',
      'h',
      '--from',
      'a>\r\nRCPT TO:<b',
      '--to',
      'x',
    ]);
    expect({ code, err }).toEqual({ code: 1, err: 'posthorn: "from" must be one line\n' });
  });

  it('P22: stores, logs, counts and learns nothing', async () => {
    const before = await server.command(['user', 'list']);
    // More than smtpd_client_message_rate_limit allows one client together with the dialog behind it.
    await Promise.all(
      Array.from({ length: 8 }, () =>
        explain(['--client', '127.0.0.9', '--from', 'a@b.test', '--to', 'postmaster', '--to', 'team']),
      ),
    );
    expect(await server.command(['user', 'list'])).toBe(before);
    expect(JSON.parse(await server.command(['mailq', '--json']))).toEqual([]);
    const client = await SmtpClient.open(server.port(25));
    await client.reply();
    await client.run('EHLO last.test', 'MAIL FROM:<a@b.test>', 'RSET', 'QUIT');
    client.hangUp();
    const lines = await logLines(/^disconnect .* rset=1/);
    expect(lines.filter((line) => line.includes('127.0.0.9'))).toEqual([]);
    // Those of the real clients above.
    expect(lines.filter((line) => line.includes('helo=<client.test>') && line.includes('reject:')).length).toBe(5);
    // One for each MAIL of a real client, and one for each question of the restriction.
    expect(lines.filter((line) => line.startsWith('counted')).length).toBe(5);
  });

  it('asks another configuration, or one without a server, by --config', async () => {
    const { config } = server.folders;
    const words = [
      'explain',
      '--client',
      '127.0.0.1',
      '--helo',
      'h',
      '--from',
      'a@new.test',
      '--to',
      'maomao',
      '--config',
      config,
    ];
    writeFileSync(join(config, 'access'), 'new.test REJECT not you\n');
    try {
      const { out } = await asked([...words, '--json']);
      expect(repliesOf(JSON.parse(out) as Explanation)).toContain(
        '554 5.7.1 <a@new.test>: Sender address rejected: not you',
      );
    } finally {
      writeFileSync(join(config, 'access'), FILES.access);
    }
    const { out } = await asked(words);
    expect(out).toContain(`\n    check_sender_access hash:/etc/postfix/access: no opinion  (${config}/main.cf:19)\n`);
    expect(out).toMatch(
      /\nrecipient +class +transport +next hop or account +mailbox\n-.*\nmaomao@baidu.test +local +local +maomao@baidu.test +INBOX\n$/,
    );
  });
});

describe('posthorn test', () => {
  it('login: who answers, how the password is kept, what is offered, what limits', async () => {
    const right = await server.command(['test', 'login', 'xixi', '--password-stdin'], 'one two three\n');
    expect(right).toMatch(
      /^xixi@baidu\.test: the login succeeds\nanswered by: the accounts of the store; the password is kept as \S+\n/,
    );
    expect(right).toContain('mechanisms of smtp: PLAIN LOGIN over TLS, PLAIN LOGIN without\n');
    expect(right).toContain('mechanisms of submission: PLAIN LOGIN over TLS, none without\n');
    expect(right).toContain('limit: smtpd_client_message_rate_limit = 20\n');
    // Each failure is told after two seconds.
    await Promise.all([
      expect(server.command(['test', 'login', 'ghost', '--password-stdin'], 'guess-work\n')).rejects.toThrow(
        /ghost: the login fails: there is no such account\n/,
      ),
      expect(server.command(['test', 'login', 'maomao', '--password-stdin'], 'guess-work\n')).rejects.toThrow(
        /exit code 1\nmaomao: the login fails: the password is wrong\n(?!.*guess-work)/,
      ),
    ]);
  });

  it('table: the value and its line', async () => {
    const { config } = server.folders;
    expect(await server.command(['test', 'table', 'hash:/etc/postfix/access', 'Spam.test'])).toBe(
      `REJECT go away\n(${config}/access:2)\n`,
    );
    expect(await server.command(['test', 'table', 'hash:/etc/aliases', 'team'])).toContain(`(${config}/aliases:4)`);
    expect(await server.command(['test', 'table', 'regexp:/etc/postfix/header_checks', 'subject: Hello'])).toBe(
      `INFO seen\n(${config}/header_checks:2)\n`,
    );
    expect(await server.command(['test', 'table', 'inline:{a=b}', 'a'])).toBe('b\n');
    expect(await asked(['test', 'table', 'hash:/etc/postfix/access', 'none', '--config', config])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('hash:/etc/postfix/access: "none" is not found'),
    });
  });

  it('route: where mail of a local user would go', async () => {
    const { out } = await asked(['test', 'route', 'admin@group.test']);
    expect(out).toContain('hash:/etc/postfix/virtual "admin@group.test": "team"');
    expect(out).toMatch(
      /admin@group\.test -> team@baidu\.test -> out@elsewhere\.test +default +smtp +\[127\.0\.0\.1\]:9\n/,
    );
    expect((await asked(['test', 'route', 'nobody'])).out).toContain('550 5.1.1 unknown user: "nobody"');
  });
});

const encode = (text: string): string => Buffer.from(text).toString('base64');

describe('debug_peer_list', () => {
  it('P22: has the sessions of its clients in the log step by step, without their passwords, and those of nobody else', async () => {
    for (const localAddress of ['127.0.0.3', '127.0.0.4']) {
      const client = await SmtpClient.open(server.port(25), localAddress);
      await client.reply();
      await client.run('EHLO debugged.test');
      if (localAddress === '127.0.0.3') await client.say(`AUTH PLAIN ${encode('\0xixi\0a-secret')}`);
      await client.say('c2VjcmV0LXRvbw==');
      await client.run('MAIL FROM:<a@b.test>', 'RCPT TO:<team@baidu.test>', 'DATA');
      client.send('Subject: hello\r\n\r\nhi\r\n.\r\n');
      await client.reply();
      await client.say(`QUIT`);
      client.hangUp();
      await logLines(new RegExp(`^disconnect from unknown\\[${localAddress}\\]`));
    }
    const lines = await logLines(/./);
    const of = (ip: string): readonly string[] =>
      lines.filter((line) => /^(?:[<>] )?unknown\[/.test(line) && line.includes(ip));
    expect(of('127.0.0.4')).toEqual([]);
    const said = of('127.0.0.3').map((line) => line.replaceAll('unknown[127.0.0.3]', 'CLIENT'));
    expect(said).toEqual(
      expect.arrayContaining([
        '> CLIENT: 220 mail.baidu.test ESMTP Posthorn',
        '< CLIENT: AUTH PLAIN …',
        '< CLIENT: (a command that is not known)',
        '< CLIENT: RCPT TO:<team@baidu.test>',
        'CLIENT: smtpd_recipient_restrictions for <team@baidu.test>',
        'CLIENT: check_recipient_access hash:/etc/postfix/access: no opinion',
        'CLIENT: hash:/etc/postfix/access "team@baidu.test": not found',
        'CLIENT: <team@baidu.test> is replaced by <xixi@baidu.test>, <maomao@baidu.test>, <out@elsewhere.test>',
        'CLIENT: <out@elsewhere.test> goes to smtp:[127.0.0.1]:9',
      ]),
    );
    expect(lines.join('\n')).not.toMatch(/c2VjcmV0|a-secret|YS1zZWNyZXQ/);
  });
});

/**
 * Every command of the README's table, beside a running server and without one, as text and as JSON (requirement P4).
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder } from '../kit/folder.ts';
import { type Finished, finish, launch } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders, runCommand, startServer, type TestServer } from '../kit/server.ts';

// A test here runs up to 25 commands, each in its own process: seconds on an idle machine, far more under load.
vi.setConfig({ testTimeout: 90_000 });

const MAIN = [
  'compatibility_level = 3.6',
  '# the name of this server',
  'myhostname = mail.example.test',
  'myorigin = $mydomain',
  'mydestination = $mydomain',
  'inet_interfaces = 127.0.0.1',
  'alias_maps =',
  '# nobody listens there: what goes out stays in the queue',
  'relayhost = [127.0.0.1]:9',
  'smtpd_recipient_restrictions = check_recipient_access inline:{ held@example.org=HOLD }',
  '',
].join('\n');
const ZONE = '$TTL 60\n@ IN SOA ns admin 7 1D 1H 1W 60\n  IN NS ns\nns IN A 127.0.0.1\n';
const NAMED = 'options { listen-on port 53 { 127.0.0.1; }; };\nzone "example.test" IN { type master; file "zone"; };\n';

let folders: ReturnType<typeof makeFolders>;
let first: Finished;
beforeAll(async () => {
  folders = makeFolders({ 'main.cf': MAIN, 'named.conf': NAMED, zone: ZONE });
  first = await run('domain', 'add', 'first.test');
  await run('domain', 'remove', 'first.test');
});
afterAll(() => removeFolder(folders.root));

const run = (...words: string[]): Promise<Finished> =>
  finish([...words, '--config', folders.config, '--data', folders.data]);
/** The output of a command that must succeed. */
async function out(...words: string[]): Promise<string> {
  const finished = await run(...words);
  expect(finished, words.join(' ')).toMatchObject({ code: 0, err: '' });
  return finished.out;
}
const json = async (...words: string[]): Promise<unknown> => JSON.parse(await out(...words, '--json'));
async function refusal(...words: string[]): Promise<string> {
  const finished = await run(...words);
  expect(finished, words.join(' ')).toMatchObject({ code: 1, out: '' });
  return finished.err;
}

/** Accounts, aliases and domains: the same output with and without a server. */
async function administer(name: string): Promise<void> {
  const address = `${name}@example.test`;
  const added = await out('user', 'add', name);
  expect(added).toMatch(new RegExp(`^${address} added\\.\\nIts password, shown only once: \\S{16,}\\n$`));
  expect(await json('user', 'passwd', address)).toEqual({ address, password: expect.stringMatching(/^\S{16,}$/) });
  expect(
    await runCommand(
      ['user', 'passwd', name, '--password-stdin', '--config', folders.config, '--data', folders.data],
      'sesame\n',
    ),
  ).toBe(`${address} has a new password.\n`);
  expect(await json('user', 'list')).toContainEqual(expect.objectContaining({ address, disabled: false }));
  expect(await out('user', 'list')).toMatch(new RegExp(`^${address} +\\d{4}-\\S+ +active$`, 'm'));
  expect(await refusal('user', 'add', address)).toBe(
    `posthorn: the account ${address} exists already; "posthorn user passwd" changes its password\n`,
  );
  expect(await refusal('user', 'passwd', 'nobody')).toContain('posthorn: there is no account nobody@example.test');

  expect(await out('alias', 'set', 'team', name, 'far@example.org')).toBe(
    `team@example.test: ${address}, far@example.org\n`,
  );
  expect(await json('alias', 'list')).toEqual([
    { address: 'team@example.test', targets: [address, 'far@example.org'] },
  ]);
  expect(await out('alias', 'list')).toMatch(/^team@example\.test +\S+, far@example\.org$/m);
  expect(await out('alias', 'remove', 'team')).toBe('team@example.test removed.\n');
  expect(await refusal('alias', 'remove', 'team')).toContain('there is no alias team@example.test');

  expect(await out('domain', 'add', 'Example.COM')).toBe('example.com is served.\n');
  expect(await json('domain', 'list')).toEqual(['example.com']);
  expect(await refusal('domain', 'add', 'no domain')).toContain('"no domain" is not a domain name');
  expect(await out('domain', 'remove', 'example.com')).toBe('example.com is no longer served.\n');
  expect(await refusal('domain', 'remove', 'example.com')).toContain('was not added by command');

  expect(await json('user', 'add', 'far@example.net')).toMatchObject({
    note: expect.stringContaining('"posthorn domain add example.net"'),
  });
  await out('alias', 'set', 'team', 'far@example.net');
  await out('alias', 'set', 'all@example.net', name);
  expect(await refusal('user', 'rename', 'far@example.net', address)).toBe(
    `posthorn: the account ${address} exists already; nothing was renamed\n`,
  );
  expect(await out('domain', 'rename', 'example.net', 'example.test')).toBe(
    '1 account of example.net moved to example.test.\n',
  );
  expect(await out('user', 'rename', 'far', 'near')).toBe(
    'far@example.test is near@example.test now; mail to the old address is refused.\n',
  );
  const aliases = await json('alias', 'list');
  expect(aliases).toHaveLength(2);
  expect(aliases).toContainEqual({ address: 'all@example.test', targets: [address] });
  expect(aliases).toContainEqual({ address: 'team@example.test', targets: ['near@example.test'] });
  expect(await refusal('domain', 'rename', 'example.net', 'example.test')).toContain(
    'nothing to move from the domain example.net',
  );
  for (const alias of ['team', 'all']) await out('alias', 'remove', alias);
  expect(await out('user', 'remove', 'near')).toContain('removed');
  expect(await out('user', 'remove', name)).toBe(`${address} removed, with all its mail.\n`);
  expect(await refusal('user', 'remove', name)).toContain(`there is no account ${address}`);
}

describe('without a server', () => {
  it('a command that creates a store says so, because another may have been meant', () => {
    expect(first).toEqual({
      code: 0,
      out: 'first.test is served.\n',
      err: `Note: there was no mail in ${folders.data} yet, so a new store was created; use --data for another folder\n`,
    });
  });

  it('accounts, aliases and domains are changed directly in the store', () => administer('xixi'));

  it('commands to a server say that no server is running', async () => {
    for (const word of ['status', 'reload', 'stop'])
      expect(await refusal(word)).toBe(
        `posthorn: no server is running on the data folder ${folders.data}; "posthorn start" starts one, --data names another folder\n`,
      );
    expect(await refusal('log')).toContain('there is no log yet');
    expect(await out('queue', 'list')).toBe('Mail queue is empty\n');
    expect(await json('queue', 'list')).toEqual([]);
  });

  it('search rebuild makes the texts for SEARCH at once', async () => {
    const nothing = /^Prepared for SEARCH: 0 of 0 messages, 0 of them in the index\.\nsearch\.sqlite takes \d+ MB\.\n$/;
    expect(await out('search', 'rebuild')).toMatch(nothing);
    expect(await out('search', 'status')).toMatch(nothing);
    expect(await json('search', 'rebuild')).toEqual({
      messages: 0,
      prepared: 0,
      indexed: 0,
      octets: expect.any(Number),
    });
  });

  it('a missing --data or --config folder is reported, and nothing is created', async () => {
    const data = join(folders.root, 'elsewhere');
    for (const words of [['mailq'], ['user', 'list'], ['queue', 'flush'], ['user', 'remove', 'xixi']])
      expect(await finish([...words, '--config', folders.config, '--data', data])).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining('no mail in'),
      });
    expect(existsSync(data)).toBe(false);
    expect(await finish(['postconf', '--config', data])).toMatchObject({
      code: 1,
      err: expect.stringContaining('main.cf: there is no such file'),
    });
  });

  it('a typing error gets a suggestion', async () => {
    expect(await finish(['frobnicate'])).toMatchObject({
      code: 1,
      err: expect.stringContaining("unknown command 'frobnicate'"),
    });
    expect(await finish(['statsu'])).toMatchObject({ code: 1, err: expect.stringContaining('Did you mean status?') });
    expect(await finish(['queue', 'list', '--jsno'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('Did you mean --json?'),
    });
    expect((await finish(['--help'])).out).toMatch(/start [\s\S]*mailq [\s\S]*postconf /);
    expect((await finish(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('posthorn postconf', () => {
  it('shows values: all, set, default, by name, without names, expanded, as JSON', async () => {
    expect((await out('postconf')).split('\n').length).toBeGreaterThan(300);
    expect(await out('postconf', '-n')).toMatch(
      /^alias_maps = ?$[\s\S]*^mydestination = \$mydomain$[\s\S]*^myhostname = mail\.example\.test$/m,
    );
    expect(await out('postconf', '-d', 'mydestination')).toBe(
      'mydestination = $myhostname, localhost.$mydomain, localhost\n',
    );
    expect(await out('postconf', '-h', 'myhostname', 'relayhost')).toBe('mail.example.test\n[127.0.0.1]:9\n');
    expect(await out('postconf', '-x', 'mydestination')).toBe('mydestination = example.test\n');
    expect(await json('postconf', 'mydestination', 'myorigin')).toEqual({
      mydestination: '$mydomain',
      myorigin: '$mydomain',
    });
    expect(await finish(['postconf', '-c', folders.config, '-h', 'relayhost'])).toMatchObject({
      code: 0,
      out: '[127.0.0.1]:9\n',
    });
    expect(await run('postconf', 'no_such_parameter')).toMatchObject({
      err: 'postconf: warning: no_such_parameter: unknown parameter\n',
      out: '',
    });
  });

  it('lists table and SASL types', async () => {
    expect((await out('postconf', '-m')).split('\n')).toEqual(
      expect.arrayContaining(['cidr', 'hash', 'pcre', 'regexp']),
    );
    expect(await json('postconf', '-a')).toContain('dovecot');
    expect(await out('postconf', '-A')).toContain('cyrus');
  });

  it('-e edits the file and keeps its comments', async () => {
    expect(await out('postconf', '-e', 'mail_name = Test', 'myhostname=mx.example.test')).toBe('');
    expect(readFileSync(join(folders.config, 'main.cf'), 'utf8')).toBe(
      `${MAIN.replace('mail.example.test', 'mx.example.test')}mail_name = Test\n`,
    );
    expect(await out('postconf', 'mail_name')).toBe('mail_name = Test\n');
    expect(await refusal('postconf', '-e', 'nothing')).toContain('expected "name = value"');
    writeFileSync(join(folders.config, 'main.cf'), MAIN);
  });
});

describe('a configuration with a fault', () => {
  let config: string;
  beforeAll(async () => {
    config = join(folders.root, 'faulty');
    mkdirSync(config);
    await out('user', 'add', 'first');
  });
  afterAll(() => out('user', 'remove', 'first'));
  const faulty = (main: string): void => writeFileSync(join(config, 'main.cf'), main);
  const at = (...words: string[]): Promise<Finished> => finish([...words, '--config', config, '--data', folders.data]);

  it('refuses every command: each prints the faults with their places, does nothing, and exits with EX_CONFIG', async () => {
    faulty(`${MAIN}message_size_limit = 10M\nmydomain = example.test # ours\n`);
    const told = [
      'The configuration has 2 faults; nothing was done.',
      `${config}/main.cf:11: message_size_limit: "10M": expected a whole number`,
      `${config}/main.cf:12: mydomain: "# ours": a comment needs its own line: here it is read as part of the value`,
      '',
    ].join('\n');
    const commands = [
      'user add second',
      'user list',
      'alias list',
      'domain list',
      'mailq',
      'queue flush',
      'zone check',
    ];
    const ended = await Promise.all(commands.map((command) => at(...command.split(' '))));
    expect(ended).toEqual(commands.map(() => ({ code: 78, out: '', err: told })));
    const { code, err } = await at('user', 'add', 'second', '--json');
    expect([code, JSON.parse(err)]).toEqual([
      78,
      { faults: [expect.objectContaining({ line: 11 }), expect.objectContaining({ line: 12 })] },
    ]);
    const empty = join(folders.root, 'no-data');
    expect(await finish(['mailq', '--config', config, '--data', empty])).toMatchObject({ code: 78 });
    expect(await out('user', 'list')).not.toContain('second');
    expect(existsSync(empty)).toBe(false);
  });

  it('postconf shows values as written and warns of those that prevent a start', async () => {
    faulty('myhostname = mail.example.test\nmessage_size_limit = 10M\n');
    const err = `postconf: warning: ${config}/main.cf:2: message_size_limit: "10M": expected a whole number\n`;
    expect(await at('postconf', 'myhostname', 'message_size_limit')).toEqual({
      code: 0,
      out: 'myhostname = mail.example.test\nmessage_size_limit = 10M\n',
      err,
    });
    expect(await at('postconf', '-n')).toEqual({
      code: 0,
      out: `config_directory = ${config}\nmessage_size_limit = 10M\nmyhostname = mail.example.test\n`,
      err,
    });
    faulty('\u{feff}myhostname = mail.example.test\n');
    expect(await at('postconf', '-h', 'myhostname')).toMatchObject({
      code: 0,
      out: 'mail.example.test\n',
      err: expect.stringContaining('main.cf:1: the file starts with a byte order mark'),
    });
  });

  it('postconf shows nothing of a main.cf that cannot be read, and -e repairs it', async () => {
    faulty('myhostname = mail.example.test\nrelayhost = ${mydomain\nno equals\n');
    const shown = await Promise.all([at('postconf', 'myhostname'), at('postconf', '-n'), at('postconf')]);
    const fatal = [
      `postconf: fatal: ${config}/main.cf:3: missing "=" after "no equals": expected "name = value"`,
      `postconf: fatal: ${config}/main.cf:2: relayhost: "{" is never closed in "{mydomain"`,
      '',
    ].join('\n');
    expect(shown).toEqual(shown.map(() => ({ code: 1, out: '', err: fatal })));
    expect(await at('postconf', '-d', 'mail_name')).toMatchObject({ code: 0, out: 'mail_name = Posthorn\n' });
    faulty('myhostname = mail.example.test\nrelayhost = ${mydomain\n');
    expect(await at('postconf', '-e', 'relayhost = [mail.example.net]')).toEqual({ code: 0, out: '', err: '' });
    expect(await at('postconf', 'relayhost')).toEqual({ code: 0, out: 'relayhost = [mail.example.net]\n', err: '' });
    expect(await at('postconf', '-e', 'mail_name = a\nmynetworks = 0.0.0.0/0')).toEqual({
      code: 1,
      out: '',
      err: 'postconf: fatal: -e accepts one line per setting\n',
    });
    expect(readFileSync(join(config, 'main.cf'), 'utf8')).not.toContain('mynetworks');
  });
});

describe('posthorn zone check', () => {
  it('prints what named-checkzone prints, for the zones of named.conf and for a file', async () => {
    expect(await out('zone', 'check')).toBe('zone example.test/IN: loaded serial 7\nOK\n');
    expect(await json('zone', 'check', 'example.test', join(folders.config, 'zone'))).toEqual([
      { name: 'example.test', serial: 7, faults: [], warnings: [] },
    ]);
    const bad = join(folders.root, 'bad');
    writeFileSync(bad, `${ZONE}www IN A 300.1.1.1\nmail IN MX ten\n`);
    const checked = await run('zone', 'check', 'example.test', bad);
    expect(checked.code).toBe(1);
    expect(checked.out).toMatch(
      /bad:5: .*300\.1\.1\.1[\s\S]*bad:6: [\s\S]*zone example\.test\/IN: not loaded due to errors\./,
    );
  });

  it('a single argument is a zone name, its file, or a file that names its zone', async () => {
    const loaded = 'zone example.test/IN: loaded serial 7\nOK\n';
    expect(await out('zone', 'check', 'example.test')).toBe(loaded);
    expect(await out('zone', 'check', join(folders.config, 'zone'))).toBe(loaded);
    const other = join(folders.root, 'db.other');
    writeFileSync(other, `$ORIGIN other.test.\n${ZONE}`);
    expect(await out('zone', 'check', other)).toBe('zone other.test/IN: loaded serial 7\nOK\n');
    writeFileSync(other, ZONE);
    expect(await run('zone', 'check', other)).toMatchObject({
      code: 1,
      err: expect.stringContaining('the file does not say which zone it is: posthorn zone check NAME'),
    });
    expect(await run('zone', 'check', 'nowhere.test')).toMatchObject({
      code: 1,
      err: expect.stringContaining('neither a zone of named.conf nor a file'),
    });
    expect(await run('zone', 'check', 'nowhere.test', 'nofile')).toMatchObject({
      code: 1,
      err: expect.stringContaining('nofile: there is no such file'),
    });
  });

  it('prints all zones, good and faulty, and the exit code is not 0', async () => {
    const config = join(folders.root, 'zones');
    mkdirSync(config);
    writeFileSync(
      join(config, 'named.conf'),
      `${NAMED}zone "faulty.test" IN { type master; file "faulty"; };\nzone "missing.test" IN { type master; file "missing"; };\n`,
    );
    writeFileSync(join(config, 'zone'), ZONE);
    writeFileSync(join(config, 'faulty'), `${ZONE}my_host IN A 192.0.2.1\n`);
    const checked = await finish(['zone', 'check', '--config', config]);
    expect(checked.code).toBe(1);
    expect(checked.out.replaceAll(config, 'DIR')).toBe(
      [
        'zone example.test/IN: loaded serial 7',
        'OK',
        'DIR/faulty:5: my_host.faulty.test: bad owner name (check-names): not a host name; "check-names ignore;" in the zone statement allows it',
        'zone faulty.test/IN: not loaded due to errors.',
        'DIR/named.conf:4: zone missing.test/IN: loading from master file DIR/missing failed: file not found',
        'zone missing.test/IN: not loaded due to errors.',
        '',
      ].join('\n'),
    );
  });
});

describe('with a running server', () => {
  let server: TestServer;
  let offset: number;
  beforeAll(async () => {
    offset = await freeOffset();
    server = await startServer({
      files: {},
      folders,
      portOffset: offset,
      accounts: { 'maomao@example.test': 'maomao' },
    });
  });
  afterAll(() => server.stop({ keep: true }));

  /** Sends to one recipient; returns the queue ID. */
  async function send(to: string): Promise<string> {
    const smtp = await LineClient.connect({ host: '127.0.0.1', port: 25 + offset });
    await smtp.smtp();
    for (const command of ['EHLO client.example', 'MAIL FROM:<maomao@example.test>', `RCPT TO:<${to}>`, 'DATA'])
      await smtp.smtp(command);
    smtp.send('Subject: for the queue\r\n\r\nHello.');
    const answer = await smtp.smtp('.');
    smtp.close();
    return /queued as (\w+)/.exec(answer)?.[1] ?? answer;
  }

  /** Waits until the queue is as expected, at most 5 s. */
  async function queue(
    expected: (items: readonly Record<string, unknown>[]) => boolean,
  ): Promise<readonly Record<string, unknown>[]> {
    let items: readonly Record<string, unknown>[] = [];
    for (let tries = 0; tries < 25; tries += 1) {
      items = (await json('mailq')) as readonly Record<string, unknown>[];
      if (expected(items)) return items;
    }
    throw new Error(`the queue stays: ${JSON.stringify(items)}`);
  }

  it('accounts, aliases and domains are changed by the server', () => administer('haha'));

  it('mailq, flush, hold, release and delete manage a deferred and a held message', async () => {
    const deferred = await send('friend@example.org');
    const held = await send('held@example.org');
    const items = await queue(
      (all) => all.length === 2 && all.every((item) => item['queue'] === 'deferred' || item['queue'] === 'hold'),
    );
    expect(items).toContainEqual(
      expect.objectContaining({
        queueId: deferred,
        queue: 'deferred',
        sender: 'maomao@example.test',
        recipient: 'friend@example.org',
        reason: expect.stringContaining('127.0.0.1'),
      }),
    );
    expect(items).toContainEqual(expect.objectContaining({ queueId: held, queue: 'hold' }));
    const text = await out('mailq');
    expect(text).toMatch(/^----Queue ID----- --Size-- ---Arrival Time---- --Sender\/Recipient------$/m);
    expect(text).toMatch(
      new RegExp(`^${deferred} +\\d+ \\w{3} \\w{3} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d maomao@example\\.test$`, 'm'),
    );
    expect(text).toMatch(new RegExp(`^${held}! +\\d+ `, 'm'));
    expect(text).toMatch(/^ +\(connect to 127\.0\.0\.1.*\)$\n^ {47}friend@example\.org$/m);
    expect(text).toMatch(/^-- \d+ Kbytes in 2 Requests\.$/m);

    expect(await out('queue', 'hold', deferred)).toBe('1 recipient on hold.\n');
    expect(await json('queue', 'release', deferred, held)).toEqual({ released: 2 });
    await queue((all) => all.length === 2 && all.every((item) => item['queue'] === 'deferred'));
    expect(await out('queue', 'flush')).toBe('2 recipients due now.\n');
    await queue((all) => all.every((item) => item['queue'] === 'deferred' && Number(item['attempts']) >= 2));
    expect(await out('queue', 'list')).toMatch(
      /^ {47}friend@example\.org\n {47}next attempt \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d$/m,
    );
    expect(await out('queue', 'requeue', '--recipient', 'held@example.org')).toBe('1 recipient due now.\n');
    expect(await out('queue', 'delete', deferred)).toBe('1 recipient removed.\n');
    expect(await refusal('queue', 'delete', deferred)).toBe(
      `posthorn: the queue has no such message: ${deferred}; "posthorn mailq" shows all\n`,
    );
    expect(await json('queue', 'delete', 'ALL')).toEqual({ removed: 1 });
    expect(await out('mailq')).toBe('Mail queue is empty\n');
    expect((await run('queue', 'delete')).err).toContain('name the messages by queue ID, ALL, --sender');
  });

  it('queue bounce returns a message to its sender with the reason of the last attempt', async () => {
    const id = await send('friend@example.org');
    await queue((all) => all.length === 1 && all.every((item) => item['queue'] === 'deferred'));
    await out('queue', 'hold', 'ALL');
    expect(await out('queue', 'bounce', '--sender', 'maomao@example.test')).toBe(
      '1 recipient returned to the sender.\n',
    );
    await queue((all) => all.length === 0);
    expect(await out('log', '--id', id)).toMatch(
      /to=<friend@example\.org>, .*, dsn=4\.4\.1, status=bounced \(connect to 127\.0\.0\.1.*\)/,
    );
    // Of every line one that has the ID, the address, or the time.
    const lines = async (...more: string[]): Promise<readonly string[]> =>
      (await out('log', '-n', '1000', ...more)).split('\n').filter((line) => line !== '');
    expect((await lines('--id', id)).every((line) => line.includes(`: ${id}: `))).toBe(true);
    const friend = await lines('--address', 'Friend@example.org');
    expect(friend.length).toBeGreaterThan(2);
    expect(friend.every((line) => line.includes('<friend@example.org>'))).toBe(true);
    expect(await lines('--since', '1d')).toEqual(await lines());
    expect(await lines('--since', '2100-01-01')).toEqual([]);
    expect(await refusal('log', '--since', 'soon')).toContain('expected a time such as 2h');
  });

  it('log shows the last lines as text and as JSON, and follows', async () => {
    const id = await send('maomao@example.test');
    const lines = async (...more: string[]): Promise<string> => {
      for (let tries = 0; tries < 25; tries += 1) {
        const text = await out('log', '-n', '50', ...more);
        if (text.includes(`${id}: removed`)) return text;
      }
      throw new Error('the log does not tell of it');
    };
    expect(await lines()).toMatch(
      new RegExp(
        `^\\w{3} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d mail postfix/qmgr\\[${server.pid}\\]: ${id}: from=<maomao@example\\.test>, size=\\d+, nrcpt=1 `,
        'm',
      ),
    );
    const entries = (await lines('--json')).trim().split('\n');
    expect(entries.length).toBeLessThanOrEqual(50);
    expect(entries.map((line) => JSON.parse(line) as { msg: string })).toContainEqual(
      expect.objectContaining({ msg: expect.stringContaining(`${id}: removed`) }),
    );
    expect((await out('log', '-n', '1')).trim().split('\n')).toHaveLength(1);
    expect(await refusal('log', '-n', 'all')).toContain('expected a number of lines');

    const following = launch(['log', '-f', '-n', '1', '--data', folders.data]);
    try {
      // Once the last line is printed, the command knows the end of the log; anything sent now must come from
      // following.
      await following.shows(/\S\n/);
      const next = await send('maomao@example.test');
      await following.shows(new RegExp(`${next}: removed`));
      // As logrotate does: the old file is written to until the reload.
      const log = join(folders.data, 'log/mail.jsonl');
      renameSync(log, `${log}.1`);
      await delay(600);
      const moved = await send('maomao@example.test');
      await out('reload');
      const renewed = await send('maomao@example.test');
      await following.shows(new RegExp(`${renewed}: removed`));
      expect(following.stdout()).toContain(`${moved}: removed`);
    } finally {
      following.child.kill('SIGTERM');
      await following.exited;
    }
  });

  it('status describes the process, as text and as JSON', async () => {
    expect(await out('status')).toMatch(
      new RegExp(
        `^Posthorn serves example\\.test as mail\\.example\\.test: process ${server.pid}, \\d+ MB, for \\d+ (?:s|min)\\.\\nConnections: 0 \\(SMTP 0, IMAP 0, POP3 0\\)\\. Deliveries in progress: \\d+\\.\\nQueue: .*\\. Store: \\d+ MB; free on the disk: \\d+ MB\\.\\n[\\s\\S]*^imaps +127\\.0\\.0\\.1 +${993 + offset} +implicit$`,
        'm',
      ),
    );
    expect(await json('status')).toMatchObject({
      domain: 'example.test',
      pid: server.pid,
      connections: 0,
      sessions: { smtp: 0, imap: 0, pop3: 0 },
      queue: { hold: 0 },
      uptime: expect.any(Number),
      store: { size: expect.any(Number), free: expect.any(Number) },
      processes: 1,
      listeners: expect.arrayContaining([
        { service: 'smtp', address: '127.0.0.1', port: 25 + offset, tls: 'STARTTLS' },
      ]),
    });
  });

  it('status --cluster says that an SQLite store has one process', async () => {
    expect(await out('status', '--cluster')).toMatch(/^The store is an SQLite file, which one process has open/);
    expect(await json('status', '--cluster')).toBeNull();
  });

  it('search status counts what is prepared, and search rebuild leaves it to the server', async () => {
    expect(await send('maomao@example.test')).toMatch(/^\w+$/);
    const { messages } = (await json('search', 'status')) as { readonly messages: number };
    expect(messages).toBeGreaterThan(0);
    expect(await out('search', 'rebuild')).toBe(
      'search.sqlite was deleted. The server prepares all messages again when it has nothing else to do;\n' +
        'until then SEARCH reads them. "posthorn search status" shows how far it is.\n',
    );
  });

  it('reload confirms, and stop ends the server', async () => {
    appendFileSync(join(folders.config, 'main.cf'), '# nothing new\n');
    expect(await out('reload')).toMatch(/^Reloaded\.\n/);
    expect(await json('reload')).toEqual({ notes: expect.any(Array) });
    expect(await out('stop')).toBe('Stopping.\n');
    expect(await server.exited).toBe(0);
    expect(await refusal('status')).toContain('no server is running');
    expect(await out('user', 'list')).toContain('maomao@example.test');
    const { messages, ...rest } = (await json('search', 'rebuild')) as { readonly messages: number };
    expect(messages).toBeGreaterThan(0);
    expect(rest).toMatchObject({ prepared: messages, indexed: messages });
  });
});

it('the binary has every command of the README', async () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| `posthorn (\w+)(?: (\w+))?/gm)].map(([, command = '', word]) => ({
    command,
    word,
  }));
  expect(rows.length).toBeGreaterThanOrEqual(10);
  const helps = await Promise.all(
    rows.map(({ command, word }) =>
      finish([command, ...(word === undefined || !/^[a-z]+$/.test(word) ? [] : [word]), '--help']),
    ),
  );
  expect(helps.map(({ code, err }) => ({ code, err }))).toEqual(rows.map(() => ({ code: 0, err: '' })));
});

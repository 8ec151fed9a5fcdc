/**
 * Commands and files of aliases beside a real Postfix: the same main.cf, aliases and mail. What the commands read and
 * know, what the files contain, and the log of each are the same.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { maillogOf } from './conversation.ts';
import { withoutTrace } from './octets.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort, ran, until } from './program.ts';

const SIDES = ['ours', 'theirs'] as const;
type Side = (typeof SIDES)[number];

/** The members of each alias; DIR is a folder of the side. */
const ALIASES: Readonly<Record<string, string>> = {
  cat: '"|/bin/cat > DIR/cat"',
  env: '"|env > DIR/env; id -un > DIR/id"',
  nullenv: '"|(env; cat) > DIR/nullenv"',
  direct: '"|/usr/bin/tee DIR/direct"',
  blank: '"| /usr/bin/wc -c"',
  empty: '"|"',
  quoted: `"|/bin/echo 'a b' \\"c d\\" > DIR/quoted"`,
  ...Object.fromEntries([1, 64, 67, 69, 73, 75, 78, 99].map((code) => [`x${code}`, `"|echo words; exit ${code}"`])),
  dsn: '"|echo 5.2.2 full; exit 75"',
  died: '"|kill -9 $$"',
  nosuch: '"|/no/such/thing -x"',
  builtin: '"|nosuch arg"',
  hang: '"|/bin/sleep 60"',
  twice: '"|cat >> DIR/twice", "|cat >> DIR/twice", other@out.test',
  nested: 'twice, "|cat >> DIR/twice"',
  file: 'DIR/mbox',
  dir: 'DIR/md/',
  isdir: 'DIR',
  nodir: 'DIR/none/mbox',
  denied: '/root/mbox',
  nomaildir: '/root/md/',
  huge: 'DIR/huge',
  mix: '"|exit 67", DIR/mix, real@out.test',
  inc: ':include:DIR/include',
  list: 'a@out.test, "|(env; cat) > DIR/list", sub, plain',
  'owner-list': 'boss@out.test',
  sub: 'b@out.test, "|exit 69", nobody@ours.test',
  'owner-sub': 'subboss@out.test',
  plain: 'c@out.test',
  nullowner: 'd@out.test',
  'owner-nullowner': 'boss@out.test',
};
/** Users of the machine with accounts, whose mail goes to mailbox_command or to what mailbox_command_maps has for them. */
const USERS = ['games', 'daemon', 'bin'];
/** Mail to an alias: its sender, extension, and domain as written. */
const MAIL: Readonly<Record<string, { readonly from?: string; readonly to?: string }>> = {
  games: { to: 'GAMES+Ext@ours.test' },
  env: { from: '"$(x)`;\\ x"@b.test', to: 'ENV+E$xt@OURS.test' },
  nullenv: { from: '' },
  file: { to: 'File+Ext@Ours.test' },
  dir: { from: '' },
  nullowner: { from: '', to: 'NULLowner+x@ours.test' },
};
const MESSAGE =
  'From: <a@b.test>\r\nTo: <c@d.test>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@b.test>\r\nSubject: s\r\n\r\nbody\r\nFrom here\r\n..dot\r\nlast\r\n';

/** Notifications. */
const TEMPLATES = `# in another charset
failure_template=<<  END
charset: iso-8859-1
From: Bounces (at $myhostname) <bounces>
subject:   Not delivered

Gr\u00fc\u00dfe von \${myhostname}, $$5, after $maximal_queue_lifetime_hours h or $(maximal_queue_lifetime_weeks) w
  and $delay_warning_time_seconds s; $message_size_limit
# no remark
END
`;

/** Pairs of sender and recipient on other servers. */
const OTHERS = 8;

let folder: string;
let server: TestServer;
let postfix: Postfix;
const sinks: Partial<Record<Side, Sink>> = {};
const ports: Record<Side, number> = { ours: 0, theirs: 0 };

const main = (side: Side): string[] => [
  'myhostname = mail.ours.test',
  'mydomain = ours.test',
  'myorigin = ours.test',
  'mydestination = ours.test',
  `alias_maps = hash:${join(folder, side, 'aliases')}`,
  'local_recipient_maps =',
  'recipient_delimiter = +',
  `mailbox_command = (cat; id -un) > ${join(folder, side)}/user-"$USER"; env > ${join(folder, side)}/userenv-"$USER"`,
  `mailbox_command_maps = inline:{ { daemon = /usr/bin/tee ${join(folder, side)}/mapped }, { bin = exit 67 } }`,
  `bounce_template_file = ${join(folder, side, 'include.bounce')}`,
  'delay_warning_time = 1h',
  'export_environment = TZ FOO=bar',
  'command_time_limit = 1s',
  'message_size_limit = 3500',
  'mailbox_size_limit = 3500',
  `relayhost = [127.0.0.1]:${sinks[side]?.port}`,
];

beforeAll(async () => {
  folder = temporaryFolder('local');
  chmodSync(folder, 0o755);
  for (const side of SIDES) {
    sinks[side] = await openSink({});
    const place = join(folder, side);
    mkdirSync(place);
    chmodSync(place, 0o777);
    ports[side] = await freePort();
    const lines = Object.entries(ALIASES).map(([name, members]) => `${name}: ${members.replaceAll('DIR', place)}\n`);
    writeFileSync(join(place, 'aliases'), lines.join(''));
    writeFileSync(join(place, 'huge'), 'x'.repeat(3400));
    chmodSync(join(place, 'huge'), 0o666);
    writeFileSync(join(place, 'include.bounce'), TEMPLATES, 'latin1');
    writeFileSync(join(place, 'include'), '"|/bin/true", /var/x, real@out.test\n');
  }
  await ran('postalias', [`hash:${join(folder, 'theirs', 'aliases')}`]);
  postfix = await startPostfix({ main: main('theirs'), services: ['local unix - n n - - local'] });
  ports.theirs = postfix.port;
  server = await startServer({
    portOffset: 0,
    accounts: Object.fromEntries(USERS.map((user) => [`${user}@ours.test`, 'a'])),
    files: {
      'main.cf': `${['compatibility_level = 3.6', 'inet_interfaces = 127.0.0.1', 'mynetworks = 127.0.0.0/8', ...main('ours')].join('\n')}\n`,
      'master.cf': `127.0.0.1:${ports.ours} inet n - n - - smtpd\n`,
      'dovecot.conf': 'protocols =\n',
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await postfix?.stop();
  for (const side of SIDES) await sinks[side]?.close();
  if (folder !== undefined) removeFolder(folder);
});

const said = (side: Side): string[] => (side === 'theirs' ? postfix.said().split('\n') : maillogOf(server));

/** What the log of local(8) says of mail to an alias; that it was forwarded is in no line of ours. */
const statuses = (side: Side, name: string): string[] =>
  said(side)
    .flatMap((line) => {
      const [, to, rest] =
        new RegExp(
          `postfix/local\\[\\d+\\]: \\w+: (to=<(?:[^ ]* orig_to=<)?${name}[+@][^>]*>).* relay=local, .* (dsn=.*)$`,
          'i',
        ).exec(line) ?? [];
      return to === undefined || rest?.includes('forwarded as') ? [] : [`${to} ${rest}`];
    })
    .map((line) => line.replaceAll(join(folder, side), 'DIR').replace(/tmp\/\S+?:/, 'tmp/NAME:'))
    .sort();

async function send(port: number, name: string): Promise<void> {
  const { from = 'a@b.test', to = `${name}@ours.test` } = MAIL[name] ?? {};
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 20_000 });
  try {
    await client.smtp();
    for (const line of ['EHLO client.example', `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA', `${MESSAGE}.`]) {
      const answer = await client.smtp(line);
      if (!/^[23]/.test(answer)) throw new Error(`${line}: ${answer}`);
    }
  } finally {
    client.close();
  }
}

/** The senders and recipients of mail to other servers: in how many notifications failures are told is not compared. */
const elsewhere = (side: Side): string[] =>
  [...new Set((sinks[side]?.received ?? []).flatMap(({ from, to }) => to.map((one) => `${from} ${one}`)))].sort();

/** What the sender is told about mail to an alias, up to the recipient: header fields and text. */
function bounceOf(side: Side, name: string): string | undefined {
  const said = (sinks[side]?.received ?? [])
    .map(({ text }) => text)
    .find((one) => one.includes(`<${name}@ours.test>: `));
  const [top = ''] = said?.split(`<${name}@ours.test>: `) ?? [];
  const fields = top.match(/^(From|Subject|Auto-Submitted|Content-Type: text\/plain).*$/gm) ?? [];
  return [...fields, top.split('\r\n\r\n').slice(3).join('\n')].join('\n').replaceAll('\r\n', '\n');
}

/** Everything in the folder of a side, by path. */
function results(side: Side): Record<string, string> {
  const place = join(folder, side);
  return Object.fromEntries(
    readdirSync(place, { recursive: true, encoding: 'utf8' })
      .filter((name) => !/^(aliases|include)|nobody$/.test(name) && statSync(join(place, name)).isFile())
      .map((name) => [name.replace(/^(md\/new\/).*/, '$1NAME'), join(place, name)] as const)
      .map(([name, path]) => {
        const text = readFileSync(path, 'latin1')
          .replaceAll(join(folder, side), 'DIR')
          .replace(/^(From \S+ {2}).*$/gm, '$1DATE')
          // What the queue does not keep, and what the shell sets.
          .replace(/^(CLIENT_\w+|PWD|OLDPWD|SHLVL|TZ|_)=.*\n/gm, '')
          .replace(/^\tby .*\n\tfor .*$/gm, '');
        const mode = (statSync(path).mode & 0o777).toString(8);
        // Several messages to one file come in any order, and so do the variables of an environment.
        const [between, glue] = /env|list/.test(name) ? ['\n', '\n'] : [/^(?=From \S+ {2}DATE$)/m, ''];
        return [name, `${mode} ${withoutTrace(text).split(between).sort().join(glue)}`];
      }),
  );
}

describe('P10: commands and files of aliases as local(8) has them', () => {
  it('the same log, and the same in the files', async () => {
    const names = [...Object.keys(ALIASES), ...USERS].filter((name) => !/owner-|plain|nullowner/.test(name));
    for (const side of SIDES) for (const name of [...names, 'nullowner']) await send(ports[side], name);
    for (const side of SIDES)
      await until(`mail to all aliases (${side})`, async () => names.every((name) => statuses(side, name).length > 0));
    // One that is missing fails below, with what is missing.
    await until(
      'the last mail',
      async () => elsewhere('ours').length === elsewhere('theirs').length && elsewhere('ours').length >= OTHERS,
    );
    const log = (side: Side): object => Object.fromEntries(names.map((name) => [name, statuses(side, name)]));
    expect(log('ours')).toEqual(log('theirs'));
    expect(elsewhere('ours')).toEqual(elsewhere('theirs'));
    expect(bounceOf('ours', 'x67')).toContain('120 h or 0 w');
    expect(bounceOf('ours', 'x67')).toBe(bounceOf('theirs', 'x67'));
    expect(results('ours')).toEqual(results('theirs'));
  });
});

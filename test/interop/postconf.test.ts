/**
 * `postconf` on valid and on faulty files, that of Postfix and ours on the same folder; and a domain in two address
 * classes.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatFault } from '../../src/config/fault.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { BINARY } from '../kit/launch.ts';
import { makeFilesOld } from './old-files.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { run, until } from './program.ts';

let root: string;
beforeAll(() => {
  root = temporaryFolder('postconf');
});
afterAll(() => removeFolder(root));

let folders = 0;
function folder(main: string, master = 'smtp inet n - n - - smtpd\n'): string {
  folders += 1;
  const made = join(root, String(folders));
  mkdirSync(made);
  writeFileSync(join(made, 'main.cf'), main);
  writeFileSync(join(made, 'master.cf'), master);
  makeFilesOld(made);
  return made;
}

const HEAD = 'compatibility_level = 3.6\nmyhostname = mail.example.com\n';

// At once: the real one sleeps for a second before each fatal error.
describe.concurrent('postconf', () => {
  it.each([
    ['a valid file', HEAD, ['myhostname', 'mydestination']],
    ['a valid file, what is set', `${HEAD}mydestination = a,\n  b\n`, ['-n']],
    ['a value of the wrong type', `${HEAD}message_size_limit = 10M\n`, ['message_size_limit', 'myhostname']],
    ['a value of the wrong type, expanded', `${HEAD}mydestination = $myhostname # x\n`, ['-x', 'mydestination']],
    ['a trailing comment', `${HEAD}mydomain = example.com # ours\n`, ['-h', 'mydomain']],
    ['a misspelt parameter', `${HEAD}myhostnam = x\n`, ['myhostname']],
    ['an unknown name', HEAD, ['nosuch']],
    ['a line that begins with white space', ` mail_name = x\n${HEAD}`, ['myhostname']],
    ['a line without "="', `${HEAD}foo\n`, ['myhostname']],
    ['a line without a name', `${HEAD}= foo\n`, ['-n']],
    ['a name with white space', `${HEAD}foo bar = x\n`, ['myhostname']],
    ['a brace that is never closed', `${HEAD}relayhost = \${mydomain\n`, ['myhostname']],
    ['a loop', `${HEAD}mydestination = a, $mydestination\n`, ['-x', 'mydestination']],
    ['a faulty file, the defaults', `${HEAD}foo\n`, ['-d', 'mydestination']],
  ])('%s: the same answer and exit code', async (what, main, words) => {
    const config = folder(main);
    const [theirs, ours] = await Promise.all([
      run('postconf', ['-c', config, ...words]),
      run(process.execPath, [BINARY, 'postconf', ...words, '--config', config]),
    ]);
    const answer = ({ code, out }: typeof ours) => ({ code, out: out.replaceAll(/ +$/gm, '') });
    expect(answer(ours)).toEqual(answer(theirs));
    // If there is nothing on standard output, standard error gives the reason.
    expect(ours.err === '').toBe(theirs.err === '' && !/wrong type|comment/.test(what));
  });

  it.each([
    ['one setting', ['mail_name = Test']],
    ['a new one', ['smtp_bind_address=192.0.2.1', 'mail_name=']],
    ['a line end inside the value', ['mail_name = x\nmynetworks = 0.0.0.0/0']],
    ['a line end after it', ['mail_name = x\n']],
    ['a CR after it', ['mail_name = x\r']],
    ['a comment', ['#mail_name = x']],
    ['no "="', ['mail_name']],
    ['no name', ['= x']],
  ])('-e with %s: the same file and exit code', async (_what, words) => {
    // The faulty line is usually the one to be repaired in an editor.
    const text = `${HEAD}# a remark\nmail_name = Before\nbad line\n`;
    const [config, copy] = [folder(text), folder(text)];
    const [theirs, ours] = await Promise.all([
      run('postconf', ['-c', config, '-e', ...words]),
      run(process.execPath, [BINARY, 'postconf', '-e', ...words, '--config', copy]),
    ]);
    const left = (from: string): string => readFileSync(join(from, 'main.cf'), 'utf8').replaceAll(/ +$/gm, '');
    expect([ours.code, left(copy)]).toEqual([theirs.code, left(config)]);
  });
});

const MASTER = `smtp      inet  n       -       y       -       -       smtpd
# a remark
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
  -o { smtpd_recipient_restrictions = permit_sasl_authenticated, reject }
  -o smtpd_banner=$mail_name -v
127.0.0.1:10025 inet n - n - - smtpd
slow unix - - y - 2 smtp -o smtp_helo_timeout=5 -o smtp_bind_address=127.0.0.1 -o smtp_tls_security_level=none
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d \${recipient} and { some braces } and a very very long line indeed
pickup    unix  n       -       y       60      1       pickup
`;

const FULL = [
  'compatibility_level = 3.6',
  'myhostname = mail.example.com',
  'smtpd_restriction_classes = mine',
  'mine = permit',
  'my_list = permit_mynetworks, reject',
  'smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination,',
  '  check_policy_service { inet:127.0.0.1:9998, timeout=10s, default_action=DUNNO },',
  '  check_recipient_access inline:{a@b=OK, c@d=REJECT}, $my_list',
  'mynetworks = 127.0.0.0/8 10.0.0.0/8 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 192.168.0.0/16 172.16.0.0/12',
  'slow_destination_recipient_limit = 5',
  'mail_name = X',
  '',
].join('\n');

/** A folder with much in it. */
const fullFolder = (): string => folder(FULL, MASTER);

const forms = (lines: string): string[][] =>
  lines
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' '));

describe.concurrent('the switches of postconf', () => {
  it.each(
    forms(`-n
      -nf
      -nH
      -nh
      -nx
      -C user
      -C user,service -n
      -C builtin -n
      -C foo
      -C service slow_destination_recipient_limit
      -H myhostname
      -h -H myhostname
      -f smtpd_recipient_restrictions
      -hf smtpd_recipient_restrictions
      -xf smtpd_recipient_restrictions mynetworks
      -o mail_name=Foo mail_name
      -x -o mydomain=foo.example mydestination
      -n -o mail_version=7
      -o foo
      -p myhostname
      -d -n
      -e -n
      -d bounce_queue_lifetime
      -l
      -a
      -A
      -T x
      -Q
      -o
      -X
      -#
      -M
      -Mf
      -M smtp
      -M smtp/inet
      -M */unix
      -Mf maildrop slow
      -M nosuch
      -M smtp/inet/x
      -Mh
      -MX
      -Mn
      -F
      -F slow/unix
      -F */*/chroot
      -F slow/unix/foo
      -F nosuch
      -Fh slow
      -FH slow
      -Fx submission
      -Ff submission/inet/command
      -F#
      -P
      -P submission
      -P */inet
      -P submission/inet/syslog_name
      -P submission/inet/nosuch
      -Ph
      -PH
      -Px submission
      -Pn
      -Me
      -Me slow/unix
      -e`),
  )('P4: %s %s %s %s: the same answer and exit code', async (...words) => {
    const config = fullFolder();
    const given = words.filter((word): word is string => word !== undefined);
    const [theirs, ours] = await Promise.all([
      run('postconf', ['-c', config, ...given]),
      run(process.execPath, [BINARY, 'postconf', '-c', config, ...given]),
    ]);
    const answer = ({ code, out }: typeof ours) => ({ code, out: out.replaceAll(/ +$/gm, '') });
    expect(answer(ours)).toEqual(answer(theirs));
    if (/fatal|unmatched/.test(theirs.err)) expect(ours.err).toBe(theirs.err);
  });

  it.each(['-b', '-t'])('P4: %s: the same templates of notifications', async (letter) => {
    const config = folder(`${HEAD}mydomain = example.com\ndelay_warning_time = 30h\n`);
    const file = join(config, 'bounce.cf');
    const text = [
      'Subject: s $myhostname',
      '',
      '$myhostname ${mydomain} $$ $delay_warning_time_days',
      '  EOF',
      ' ',
      '',
    ];
    const names = ['failure', 'delay', 'success', 'verify'];
    writeFileSync(file, names.map((name) => [`${name}_template = <<X`, ...text, 'X\n'].join('\n')).join('# a\n\n'));
    const [theirs, ours] = await Promise.all([
      run('postconf', ['-c', config, letter, file]),
      run(process.execPath, [BINARY, 'postconf', '-c', config, letter, file]),
    ]);
    expect(ours).toEqual(theirs);
  });

  it.each(
    forms(`-X mail_name my_list
      -X nosuch
      -# mail_name
      -# smtpd_recipient_restrictions
      -Me slow/unix=slow~unix~-~-~n~-~5~smtp~-v
      -Me new/unix=new~unix~-~-~n~-~-~smtp
      -M# slow/unix
      -M# submission/inet
      -MX pickup/unix
      -MX nosuch/unix
      -Fe slow/unix/chroot=n
      -Fe slow/unix/command=lmtp~-o~a=b
      -Fe */unix/chroot=n
      -Pe submission/inet/smtpd_banner=hello
      -Pe submission/inet/smtpd_client_restrictions=permit,~reject
      -Pe slow/unix/soft_bounce=yes
      -PX submission/inet/syslog_name
      -PX submission/inet/smtpd_recipient_restrictions
      -PX submission/inet/nosuch`),
  )('P4: %s %s: the same files and exit code', async (...words) => {
    const [here, there] = [fullFolder(), fullFolder()];
    const given = words.filter((word): word is string => word !== undefined).map((word) => word.replaceAll('~', ' '));
    const [theirs, ours] = await Promise.all([
      run('postconf', ['-c', there, ...given]),
      run(process.execPath, [BINARY, 'postconf', '-c', here, ...given]),
    ]);
    const files = (config: string): string[] =>
      ['main.cf', 'master.cf'].map((name) => readFileSync(join(config, name), 'utf8').replaceAll(/ +$/gm, ''));
    expect([ours.code, ...files(here)]).toEqual([theirs.code, ...files(there)]);
  });
});

it('a domain in two address classes: our startup has the warnings of Postfix', async () => {
  const settings = [
    'myhostname = mail.example.com',
    'mydestination = both.example, boxed.example, $myhostname',
    'virtual_alias_domains = both.example, alias.example, in.relay.example, box.example',
    'virtual_alias_maps = inline:{a@nowhere.example=b@nowhere.example}',
    'virtual_mailbox_domains = inline:{boxed.example=x, box.example=x}, relayed.example',
    'relay_domains = relay.example, relayed.example',
    'smtpd_relay_restrictions = reject_unauth_destination',
  ];
  let postfix: Postfix | undefined;
  try {
    postfix = await startPostfix({ main: settings });
    const client = await LineClient.connect({ host: '127.0.0.1', port: postfix.port });
    await client.smtp();
    for (const command of ['EHLO client.example', 'MAIL FROM:<>']) await client.smtp(command);
    const domains = [
      'both.example',
      'boxed.example',
      'alias.example',
      'in.relay.example',
      'box.example',
      'relayed.example',
      'relay.example',
      'mail.example.com',
    ];
    for (const domain of domains) await client.smtp(`RCPT TO:<x@${domain}>`);
    client.close();
    const { said } = postfix;
    const warned = (): string[] =>
      [...new Set([...said().matchAll(/do not list domain \S+ in BOTH \S+ and \S+/g)].map(([text]) => text))].sort();
    await until('its warnings', async () => warned().length >= 5);
    const { faults, warnings } = await loadConfiguration({
      directory: folder(`compatibility_level = 3.6\nalias_maps =\n${settings.join('\n')}\n`),
      hostname: 'mail',
      interfaces: [],
    });
    expect(faults.map(formatFault)).toEqual([]);
    expect(
      warnings.flatMap(({ message }) => /do not list domain \S+ in BOTH \S+ and [^\s:]+/.exec(message) ?? []).sort(),
    ).toEqual(warned());
  } finally {
    await postfix?.stop();
  }
});

/**
 * Debian's OpenDKIM, ClamAV, SpamAssassin and rspamd beside ours: as milters, and ClamAV, SpamAssassin and rspamd asked by our
 * plugins too. What they sign, refuse, add and file. Each daemon is started once, with few rules.
 */
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { ImapClient } from '../kit/imap-client.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';
import { type Daemon, freePort, isOpen, startDaemon, until } from './program.ts';

const EICAR = 'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*';
const GTUBE = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X';
const FILTERS = ['sign', 'verify', 'virus', 'spam', 'assassin'] as const;
/** Each plugin judges the mail of one domain; by milter all goes to else.test. */
const PLUGINS = ['clamav', 'spamassassin', 'rspamd'] as const;

let folder: string;
let rulesFolder: string;
let server: TestServer;
let sink: Sink;
const daemons: Daemon[] = [];
const ports = new Map<string, number>();
let smtpPort: number;
let imapPort: number;

const clamdSocket = (): string => join(folder, 'clamd.sock');

function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return path;
}

async function startOpenDkim(name: string, port: number, lines: readonly string[]): Promise<void> {
  const configuration = file(`${name}.conf`, [
    `Socket inet:${port}@127.0.0.1`,
    'Syslog no',
    'Nameservers 127.0.0.1',
    'RequireSafeKeys no',
    ...lines,
  ]);
  daemons.push(await startDaemon('opendkim', ['-f', '-x', configuration], isOpen(port)));
}

async function startClamav(port: number): Promise<void> {
  const database = join(folder, 'db');
  mkdirSync(database);
  writeFileSync(join(database, 'local.ndb'), `Local.Eicar:0:*:${Buffer.from(EICAR).toString('hex')}\n`);
  const socket = clamdSocket();
  const clamd = file('clamd.conf', [
    'Foreground yes',
    `LocalSocket ${socket}`,
    'StreamMaxLength 1M',
    `DatabaseDirectory ${database}`,
    'User root',
  ]);
  const isReady = (): Promise<boolean> =>
    new Promise((resolve) => {
      const probe = connect({ path: socket }, () => {
        probe.destroy();
        resolve(true);
      });
      probe.on('error', () => resolve(false));
    });
  daemons.push(await startDaemon('clamd', ['-F', '-c', clamd], isReady));
  const milter = file('clamav-milter.conf', [
    'Foreground yes',
    `MilterSocket inet:${port}@127.0.0.1`,
    `ClamdSocket unix:${socket}`,
    'OnInfected Reject',
    'RejectMsg virus %v found',
    'AddHeader Replace',
    'User root',
  ]);
  daemons.push(await startDaemon('clamav-milter', ['-c', milter], isOpen(port)));
}

/** It reads its rules as nobody; its own take seconds. */
async function startSpamd(port: number, milterPort: number): Promise<void> {
  const [rules, site] = [join(rulesFolder, 'rules'), join(rulesFolder, 'site')];
  mkdirSync(rules);
  mkdirSync(site);
  writeFileSync(join(site, 'v320.pre'), 'loadplugin Mail::SpamAssassin::Plugin::Check\n');
  writeFileSync(
    join(rules, '10.cf'),
    [
      'required_score 5',
      'report_safe 0',
      'rewrite_header Subject [SPAM]',
      'add_header all Status "_YESNO_, score=_SCORE_ required=_REQD_ tests=_TESTS_ version=_VERSION_"',
      'add_header spam Flag _YESNOCAPS_',
      `body GTUBE /${GTUBE.replace(/\W/g, '\\$&')}/`,
      'score GTUBE 1000',
      'body OFFER /special offer/',
      'score OFFER 6',
      // The client is known only by the field that the plugin or the milter puts above the message.
      'header CLIENT X-Spam-Relays-Trusted =~ /^\\[ ip=127\\.0\\.0\\.1 rdns=\\S* helo=client\\.test /',
      'score CLIENT 0.5',
      '',
    ].join('\n'),
  );
  const places = ['-C', rules, `--siteconfigpath=${site}`, `--pidfile=${join(folder, 'spamd.pid')}`];
  const options = ['-L', '-x', '-m', '1', `--listen=127.0.0.1:${port}`, '-s', 'stderr', ...places];
  daemons.push(await startDaemon('spamd', options, isOpen(port)));
  const milter = ['-p', `inet:${milterPort}@127.0.0.1`, '-r', '100', '--', '-d', '127.0.0.1', '-p', String(port)];
  daemons.push(await startDaemon('spamass-milter', milter, isOpen(milterPort)));
}

/** One rule and one module: reading those of Debian takes it half a minute. */
async function startRspamd(milterPort: number, httpPort: number): Promise<void> {
  const local = join(folder, 'rspamd');
  mkdirSync(local);
  const at = (name: string): string => join(local, name);
  writeFileSync(at('tld'), 'test\n');
  writeFileSync(
    at('rules.lua'),
    `rspamd_config.OFFER = {
      callback = function(task) return tostring(task:get_rawbody()):find('special offer', 1, true) ~= nil end,
      score = 7,
    }
    rspamd_config.WAIT = { callback = function(task)
      local client = tostring(task:get_from_ip()) .. ' ' .. task:get_helo()
      local envelope = task:get_from('smtp')[1].addr .. ' ' .. task:get_recipients('smtp')[1].addr
      if client == '127.0.0.1 client.test' and envelope == 'a@signed.test xixi@rspamd.test' and
        tostring(task:get_rawbody()):find('wait', 1, true) then task:set_pre_result('soft reject', 'Come again') end
    end }
    `,
  );
  const configuration = file('rspamd.conf', [
    `options { pidfile = "${at('pid')}"; url_tld = "${at('tld')}"; control_socket = "${at('control')} mode=0600";`,
    `  filters = ""; disable_hyperscan = true; hs_cache_dir = "${local}";`,
    '  dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; } }',
    'logging { type = "console"; level = "info"; }',
    `worker "normal" { bind_socket = "127.0.0.1:${httpPort}"; count = 1; }`,
    `worker "rspamd_proxy" { bind_socket = "127.0.0.1:${milterPort}"; count = 1; milter = yes;`,
    '  upstream "local" { default = yes; self_scan = yes; } }',
    'actions { reject = 15; add_header = 6; greylist = 4; }',
    `lua = "${at('rules.lua')}";`,
    'modules { path = "/usr/share/rspamd/plugins/milter_headers.lua"; }',
    'milter_headers { use = ["x-spamd-bar", "x-spam-level"]; skip_local = false; skip_authenticated = false; }',
  ]);
  const options = ['-f', '-i', '-c', configuration, `--var=DBDIR=${local}`, `--var=RUNDIR=${local}`];
  const isReady = async (): Promise<boolean> => (await isOpen(milterPort)()) && isOpen(httpPort)();
  daemons.push(await startDaemon('rspamd', options, isReady, { timeoutMs: 60_000 }));
}

beforeAll(async () => {
  folder = temporaryFolder('filters');
  chmodSync(folder, 0o700);
  rulesFolder = temporaryFolder('rules');
  chmodSync(rulesFolder, 0o755);
  const milters = new Map<string, number>();
  for (const name of FILTERS) {
    milters.set(name, await freePort());
    ports.set(name, await freePort());
  }
  const milterPort = (name: string): number => milters.get(name) ?? 0;
  const [spamdPort, rspamdPort] = [await freePort(), await freePort()];
  [smtpPort, imapPort] = [await freePort(), await freePort()];
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = file('key.pem', [privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()]);
  const record = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const keys = file('keys', [`s._domainkey.signed.test v=DKIM1; k=rsa; p=${record}`]);
  sink = await openSink();
  await Promise.all([
    startOpenDkim('sign', milterPort('sign'), ['Mode s', 'Domain signed.test', 'Selector s', `KeyFile ${key}`]),
    startOpenDkim('verify', milterPort('verify'), [
      'Mode v',
      `TestPublicKeys ${keys}`,
      'AlwaysAddARHeader yes',
      'AuthservID mail.ours.test',
      `InternalHosts csl:192.0.2.1`,
    ]),
    startClamav(milterPort('virus')),
    startRspamd(milterPort('spam'), rspamdPort),
    startSpamd(spamdPort, milterPort('assassin')),
  ]);
  server = await startServer({
    portOffset: 0,
    accounts: Object.fromEntries(PLUGINS.map((name) => [`xixi@${name}.test`, 'password'])),
    files: {
      plugins: ['restrictions', 'rewriting', ...PLUGINS, ''].join('\n'),
      'plugins.d/clamav.json': JSON.stringify({ domains: 'clamav.test', clamd: `unix:${clamdSocket()}` }),
      'plugins.d/spamassassin.json': JSON.stringify({
        ...{ domains: 'spamassassin.test', spamd: `inet:127.0.0.1:${spamdPort}`, skip: [], reject_score: 100 },
      }),
      'plugins.d/rspamd.json': JSON.stringify({
        ...{ domains: 'rspamd.test', url: `http://127.0.0.1:${rspamdPort}`, skip: [] },
      }),
      'main.cf': [
        'myhostname = mail.ours.test',
        'mydomain = ours.test',
        `mydestination = $mydomain, ${PLUGINS.map((name) => `${name}.test`).join(', ')}`,
        'mynetworks = 127.0.0.0/8',
        'inet_interfaces = 127.0.0.1',
        'smtpd_relay_restrictions = permit_mynetworks, reject',
        `relayhost = [127.0.0.1]:${sink.port}`,
        '',
      ].join('\n'),
      'master.cf': [
        `127.0.0.1:${smtpPort} inet n - n - - smtpd\n`,
        ...FILTERS.map(
          (name) =>
            `127.0.0.1:${ports.get(name)} inet n - n - - smtpd\n  -o { smtpd_milters = inet:127.0.0.1:${milterPort(name)} }\n`,
        ),
      ].join(''),
      'dovecot.conf': [
        'protocols = imap',
        'disable_plaintext_auth = no',
        'listen = 127.0.0.1',
        'service imap-login {',
        `  inet_listener imap {\n    port = ${imapPort}\n  }`,
        '  inet_listener imaps {\n    port = 0\n  }',
        '}',
        '',
      ].join('\n'),
    },
  });
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  await sink?.close();
  for (const one of [folder, rulesFolder]) if (one !== undefined) removeFolder(one);
});

async function send(through: (typeof FILTERS)[number] | (typeof PLUGINS)[number], text: string): Promise<string> {
  const recipient = ports.has(through) ? 'b@else.test' : `xixi@${through}.test`;
  const client = await SmtpClient.open(ports.get(through) ?? smtpPort);
  await client.reply();
  await client.run('EHLO client.test', 'MAIL FROM:<a@signed.test>', `RCPT TO:<${recipient}>`, 'DATA');
  const answer = await client.say(`${text.replace(/^\./gm, '..').replace(/\r\n$/, '')}\r\n.`);
  await client.say('QUIT');
  client.destroy();
  return answer;
}

async function received(): Promise<string> {
  await until('the message', async () => sink.received.length > 0);
  return sink.received.shift()?.text ?? '';
}

/** The newest message of the account whose mail a plugin judges. */
async function newest(plugin: (typeof PLUGINS)[number], mailbox: string): Promise<string> {
  const client = new ImapClient(connect(imapPort, '127.0.0.1'));
  try {
    await client.until(/\r\n/);
    await client.ok(`LOGIN xixi@${plugin}.test password`);
    await client.ok(`EXAMINE ${mailbox}`);
    return await client.ok('FETCH * (FLAGS BODY.PEEK[])');
  } finally {
    client.destroy();
  }
}

const MESSAGE = (body: string): string =>
  [
    'From: a@signed.test',
    'To: b@else.test',
    'Subject: hello',
    'Date: Fri, 20 Nov 2026 12:00:00 +0000',
    'Message-Id: <1@signed.test>',
    '',
    body,
    '',
  ].join('\r\n');

describe('filters of Debian', () => {
  it('OpenDKIM signs, and its signature holds', async () => {
    expect(await send('sign', MESSAGE('.signed\r\n..text'))).toMatch(/^250/);
    const signed = await received();
    expect(signed).toMatch(/^DKIM-Signature: v=1;.* d=signed\.test; s=s;/m);
    const lines = signed.replace(/\r?\n/g, '\r\n').replace(/^Received:.*\r\n(?:[ \t].*\r\n)*/im, '');
    expect(await send('verify', lines)).toMatch(/^250/);
    expect(await received()).toMatch(/^Authentication-Results: mail\.ours\.test;\s+dkim=pass /m);
    expect(await send('verify', lines.replace('..text', '..changed'))).toMatch(/^250/);
    expect(await received()).toMatch(/^Authentication-Results: mail\.ours\.test;\s+dkim=fail /m);
  });

  it('clamav-milter refuses a virus and marks what is clean', async () => {
    expect(await send('virus', MESSAGE(EICAR))).toBe('550 5.7.1 virus Local.Eicar.UNOFFICIAL found');
    expect(await send('virus', MESSAGE('clean'))).toMatch(/^250/);
    expect(await received()).toMatch(/^X-Virus-Status: Clean/m);
  });

  it('rspamd refuses GTUBE and adds its fields', async () => {
    expect(await send('spam', MESSAGE(GTUBE))).toMatch(/^554 5\.7\.1 Gtube pattern/);
    expect(await send('spam', MESSAGE('ham'))).toMatch(/^250/);
    expect(await received()).toMatch(/^X-Spamd-Bar: /m);
  });

  it('spamass-milter refuses GTUBE, marks spam, and knows the client', async () => {
    expect(await send('assassin', MESSAGE(GTUBE))).toBe('550 5.7.1 Blocked by SpamAssassin');
    expect(await send('assassin', MESSAGE('a special offer'))).toMatch(/^250/);
    const spam = await received();
    expect(spam).toMatch(/^X-Spam-Status: Yes, score=6\.\d required=5\.0\s+tests=CLIENT,OFFER/m);
    expect(spam).toMatch(/^Subject: \[SPAM\] hello/m);
  });
});

describe('G18: plugins beside the same daemons', () => {
  it('clamav refuses a virus, marks what is clean, and knows what clamd does not search', async () => {
    expect(await send('clamav', MESSAGE(EICAR))).toBe('554 5.7.1 Error: virus Local.Eicar.UNOFFICIAL found');
    expect(await send('clamav', MESSAGE('clean'))).toMatch(/^250/);
    expect(await newest('clamav', 'INBOX')).toMatch(/^X-Virus-Status: Clean/m);
    for (let tries = 0; tries < 5; tries += 1) {
      expect(await send('clamav', MESSAGE('long\r\n'.repeat(500_000)))).toMatch(/^250/);
      expect(await newest('clamav', 'INBOX')).not.toMatch(/^X-Virus-Status:/m);
    }
    expect(await server.command(['metrics'])).toMatch(/^posthorn_plugin_clamav_messages_total\{result="too_big"\} 5$/m);
  });

  it('spamassassin refuses GTUBE, files spam with its fields, and tells of the client', async () => {
    expect(await send('spamassassin', MESSAGE(GTUBE))).toMatch(
      /^554 5\.7\.1 Error: message looks like spam \(score 1000\.5\)$/,
    );
    expect(await send('spamassassin', MESSAGE('a special offer'))).toMatch(/^250/);
    const spam = await newest('spamassassin', 'Junk');
    expect(spam).toMatch(/FLAGS \([^)]*\$Junk/);
    expect(spam).toMatch(/^X-Spam-Status: Yes, score=6\.5 required=5\.0 tests=CLIENT,OFFER/m);
    expect(spam).toMatch(/^X-Spam-Flag: YES\r$/m);
    expect(spam).toMatch(/^Subject: \[SPAM\] hello\r$/m);
    expect(await send('spamassassin', MESSAGE('ham'))).toMatch(/^250/);
    expect(await newest('spamassassin', 'INBOX')).toMatch(/^X-Spam-Status: No, score=0\.5 required=5\.0 tests=CLIENT/m);
  });

  it('rspamd refuses GTUBE, defers, adds its fields, and files spam', async () => {
    expect(await send('rspamd', MESSAGE(GTUBE))).toBe('554 5.7.1 Gtube pattern');
    expect(await send('rspamd', MESSAGE('wait'))).toBe('451 4.7.1 Come again');
    expect(await send('rspamd', MESSAGE('ham'))).toMatch(/^250/);
    expect(await newest('rspamd', 'INBOX')).toMatch(/^X-Spamd-Bar: /m);
    const spam = MESSAGE('a special offer').replace('Subject', 'X-Spam: No\r\nX-Spam-Level: -\r\nSubject');
    expect(await send('rspamd', spam)).toMatch(/^250/);
    const filed = await newest('rspamd', 'Junk');
    expect(filed).toMatch(/FLAGS \([^)]*\$Junk/);
    expect(filed.match(/^X-Spam.*$/gm)?.sort()).toEqual([
      'X-Spam-Level: *******',
      'X-Spam: Yes',
      'X-Spamd-Bar: +++++++',
    ]);
  });
});

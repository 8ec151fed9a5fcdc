/** Debian's OpenDKIM, clamav-milter and rspamd as milters of ours: what they sign, refuse and add. */
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';
import { type Daemon, freePort, isOpen, startDaemon, until } from './program.ts';

const EICAR = 'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*';
const GTUBE = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X';
const FILTERS = ['sign', 'verify', 'virus', 'spam'] as const;

let folder: string;
let server: TestServer;
let sink: Sink;
const daemons: Daemon[] = [];
const ports = new Map<string, number>();

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
  const socket = join(folder, 'clamd.sock');
  const clamd = file('clamd.conf', [
    'Foreground yes',
    `LocalSocket ${socket}`,
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

async function startRspamd(port: number): Promise<void> {
  const local = join(folder, 'rspamd');
  mkdirSync(join(local, 'local.d'), { recursive: true });
  const files: Readonly<Record<string, string>> = {
    'worker-proxy.inc': `bind_socket = "127.0.0.1:${port}"; milter = yes; timeout = 60s; upstream "local" { default = yes; self_scan = yes; }`,
    'worker-normal.inc': 'enabled = false;',
    'worker-controller.inc': 'enabled = false;',
    'worker-fuzzy.inc': 'enabled = false;',
    'logging.inc': 'type = "console"; level = "info";',
    'options.inc': `dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; } pidfile = "${local}/pid"; map_watch_interval = 1h;`,
    'milter_headers.conf': 'use = ["x-spamd-bar", "x-spam-level"]; skip_local = false; skip_authenticated = false;',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(local, 'local.d', name), `${text}\n`);
  const variables = { LOCAL_CONFDIR: local, DBDIR: local, RUNDIR: local, LOGDIR: local };
  const options = Object.entries(variables).map(([name, value]) => `--var=${name}=${value}`);
  daemons.push(await startDaemon('rspamd', ['-f', '-i', ...options], isOpen(port), { timeoutMs: 60_000 }));
}

beforeAll(async () => {
  folder = temporaryFolder('filters');
  chmodSync(folder, 0o700);
  const milters = new Map<string, number>();
  for (const name of FILTERS) {
    milters.set(name, await freePort());
    ports.set(name, await freePort());
  }
  const milterPort = (name: string): number => milters.get(name) ?? 0;
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
    startRspamd(milterPort('spam')),
  ]);
  server = await startServer({
    portOffset: 0,
    accounts: { 'xixi@ours.test': 'password' },
    files: {
      'main.cf': [
        'myhostname = mail.ours.test',
        'mydomain = ours.test',
        'mydestination = $mydomain',
        'mynetworks = 127.0.0.0/8',
        'inet_interfaces = 127.0.0.1',
        'smtpd_relay_restrictions = permit_mynetworks, reject',
        `relayhost = [127.0.0.1]:${sink.port}`,
        '',
      ].join('\n'),
      'master.cf': FILTERS.map(
        (name) =>
          `127.0.0.1:${ports.get(name)} inet n - n - - smtpd\n  -o { smtpd_milters = inet:127.0.0.1:${milterPort(name)} }\n`,
      ).join(''),
      'dovecot.conf': 'protocols =\n',
    },
  });
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  await sink?.close();
  if (folder !== undefined) removeFolder(folder);
});

async function send(through: (typeof FILTERS)[number], text: string): Promise<string> {
  const client = await SmtpClient.open(ports.get(through) ?? 0);
  await client.reply();
  await client.run('EHLO client.test', 'MAIL FROM:<a@signed.test>', 'RCPT TO:<b@else.test>', 'DATA');
  const answer = await client.say(`${text.replace(/^\./gm, '..').replace(/\r\n$/, '')}\r\n.`);
  await client.say('QUIT');
  client.destroy();
  return answer;
}

async function received(): Promise<string> {
  await until('the message', async () => sink.received.length > 0);
  return sink.received.shift()?.text ?? '';
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
});

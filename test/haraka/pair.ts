/** Haraka and Posthorn with the same plugins and the same files, and what both make of one dialog. */
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from '../../src/app/start-server.ts';
import { TestView } from '../../src/authoring/test-view.ts';
import { LineClient } from '../../src/lab/line-client.ts';
import { until } from '../interop/program.ts';
import { removeFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders } from '../kit/server.ts';
import { PACKAGES, startHaraka } from './haraka-server.ts';
import { ZONES } from './zones.ts';

/** What both servers get. */
export interface Setting {
  /** In Haraka's `config/plugins`, in this order, before those of the test. */
  readonly plugins: readonly string[];
  /** Of Haraka's `config` folder. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface Dialog {
  /** Default: 123.125.81.9, with the name client.example.org. */
  readonly ip?: string;
  /** Each waits for its reply; what follows DATA is the message. */
  readonly say: readonly string[];
  /** Sent before the greeting. */
  readonly early?: string;
}

/** What one server made of a dialog. */
export interface Outcome {
  /** The greeting and each reply; '' after the connection has ended. */
  readonly replies: readonly string[];
  /** Results by plugin: the connection's and those of each transaction. */
  readonly results: Readonly<Record<string, unknown>>;
  /** As it was kept; null if it was not. */
  readonly message: string | null;
}

export interface Pair {
  /** What the real Haraka, and what Posthorn made of it. */
  play(dialog: Dialog): Promise<{ readonly haraka: Outcome; readonly ours: Outcome }>;
  /** What both wrote to their logs. */
  logs(): { readonly haraka: string; readonly ours: string };
  stop(): Promise<void>;
}

const STRANGER = '123.125.81.9';
const HOST = 'mail.example.test';
const PROBE = readFileSync(fileURLToPath(new URL('plugins/probe.js', import.meta.url)), 'utf8');
/** Haraka's own, and both take the PROXY header: a client may have any address. */
const CONNECTION_INI = readFileSync(join(PACKAGES, 'Haraka/config/connection.ini'), 'utf8').replace(
  'hosts[] =',
  'hosts[] = 127.0.0.1',
);
const USER = 'user@example.test';
const ACCOUNTS = [{ address: USER, password: 'secret' }];

export async function startPair({ plugins, files = {} }: Setting): Promise<Pair> {
  const own = (takes: boolean): Record<string, string> => ({
    'plugins/probe.js': PROBE,
    'config/probe.ini': `takes=${takes ? 'yes' : 'no'}\n`,
    'config/plugins': [...plugins, 'rcpt_to.in_host_list', 'probe', ''].join('\n'),
    'config/host_list': 'example.test\n',
    'config/me': `${HOST}\n`,
    'config/connection.ini': CONNECTION_INI,
    'config/log.ini': 'level=info\n',
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`config/${name}`, text])),
  });
  const portOffset = await freeOffset();
  const nameservers = [`127.0.0.1:${53 + portOffset}`];
  const folders = makeFolders({
    ...configuration(),
    'plugins.d/haraka.json': JSON.stringify({ nameservers }),
    ...Object.fromEntries(Object.entries(own(false)).map(([name, text]) => [`haraka/${name}`, text])),
  });
  symlinkSync(PACKAGES, join(folders.config, 'node_modules'));
  const ours = await startServer({
    configDirectory: folders.config,
    dataDirectory: folders.data,
    portOffset,
    accounts: ACCOUNTS,
    clock: Date.now,
    printLog: false,
    onStop: () => {},
  });
  const haraka = await startHaraka({ files: own(true), nameservers });
  const ourFolder = join(folders.config, 'haraka');
  const view = new TestView(ours.store, ours.log.file);
  return {
    async play(dialog) {
      const before = (await view.messages(USER, 'INBOX')).length;
      const theirs = await playOn(haraka.port, haraka.folder, dialog);
      const here = await playOn(25 + portOffset, ourFolder, dialog);
      const kept = (await view.messages(USER, 'INBOX')).slice(before);
      return { haraka: theirs, ours: { ...here, message: kept[0]?.text ?? null } };
    },
    logs: () => ({ haraka: haraka.said(), ours: readFileSync(ours.log.file, 'utf8') }),
    async stop() {
      await haraka.stop();
      await ours.close(1_000);
      removeFolder(folders.root);
    },
  };
}

async function playOn(port: number, folder: string, { ip = STRANGER, say, early }: Dialog): Promise<Outcome> {
  const file = join(folder, 'probe.jsonl');
  const before = notesIn(file).length;
  const client = await LineClient.connect({ host: '127.0.0.1', port });
  const replies: string[] = [];
  try {
    client.send(`PROXY TCP4 ${ip} 127.0.0.1 50000 25${early === undefined ? '' : `\r\n${early}`}`);
    replies.push(await client.smtp());
    for (const line of say) {
      if (isRefused(replies) && line !== 'QUIT' && !line.startsWith('RCPT')) continue;
      replies.push(await client.smtp(line.includes('\n') ? onTheWire(line) : line));
    }
  } catch {
    // The server has closed the connection.
    replies.push('');
  } finally {
    client.close();
  }
  const isOver = (): boolean =>
    notesIn(file)
      .slice(before)
      .some(({ at }) => at === 'disconnect');
  await until('the end of the session', async () => isOver(), 10_000);
  const notes = notesIn(file).slice(before);
  return {
    replies,
    results: Object.assign({}, ...notes.map(({ results = {} }) => results)) as Outcome['results'],
    message: notes.find(({ at }) => at === 'queue')?.data ?? null,
  };
}

/** Nothing follows a refusal but other recipients. */
const isRefused = (replies: readonly string[]): boolean => /^[45]/.test(replies.at(-1) ?? '');

/** RFC 5321 section 4.5.2. */
const onTheWire = (message: string): string => `${message.replaceAll(/^\./gm, '..').replaceAll(/\r?\n/g, '\r\n')}\r\n.`;

interface Note {
  readonly at: 'data_post' | 'queue' | 'reset' | 'disconnect';
  readonly results?: Readonly<Record<string, unknown>>;
  readonly data?: string;
}

function notesIn(file: string): Note[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Note);
}

function configuration(): Record<string, string> {
  return {
    'main.cf': [
      'compatibility_level = 3.6',
      `myhostname = ${HOST}`,
      'mydomain = example.test',
      'mydestination = example.test',
      'mynetworks = 192.0.2.0/24',
      'inet_interfaces = 127.0.0.1',
      'inet_protocols = ipv4',
      'alias_maps =',
      'smtpd_tls_auth_only = no',
      'smtpd_sasl_auth_enable = yes',
      'smtpd_forbid_unauth_pipelining = no',
      'defer_transports = smtp, lmtp',
      '',
    ].join('\n'),
    'master.cf': 'smtp inet n - n - - smtpd\n  -o smtpd_upstream_proxy_protocol=haproxy\n',
    'dovecot.conf': 'protocols = imap pop3\ndisable_plaintext_auth = no\nauth_failure_delay = 0\n',
    'named.conf': [
      'options {\n  listen-on { 127.0.0.1; };\n  directory ".";\n};',
      ...Object.keys(ZONES).map((name) => `zone "${name}" { type master; file "${zoneFile(name)}"; };`),
      '',
    ].join('\n'),
    plugins: 'restrictions\nrewriting\nharaka\n',
    ...Object.fromEntries(Object.entries(ZONES).map(([name, text]) => [zoneFile(name), `${ZONE_HEAD}${text}\n`])),
  };
}

const zoneFile = (name: string): string => `zones/${name === '.' ? 'root' : name}.zone`;
const ZONE_HEAD = '$TTL 60\n@ SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60\n@ NS ns.invalid.\n';

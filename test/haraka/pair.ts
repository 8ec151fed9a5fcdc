/** Haraka and Posthorn with the same plugins and the same files, and what both make of one dialog. */
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from '../../src/app/start-server.ts';
import { TestView } from '../../src/authoring/test-view.ts';
import { LineClient } from '../../src/lab/line-client.ts';
import { startNamed } from '../interop/named.ts';
import { until } from '../interop/program.ts';
import { removeFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders } from '../kit/server.ts';
import { PACKAGES, startHaraka } from './haraka-server.ts';
import type { Peer } from './peers.ts';
import { ZONES } from './zones.ts';

/** What both servers get. */
export interface Setting {
  /** In Haraka's `config/plugins`, in this order, before those of the test. */
  readonly plugins: readonly string[];
  /**
   * Of Haraka's `config` folder. In them `$PORT` is the peer's, `$SIDE` 1 for Haraka and 2 for us.
   */
  readonly files?: Readonly<Record<string, string>>;
  /** Plugins of the test's own, by name: what they export, on one side like on the other. */
  readonly own?: Readonly<Record<string, string>>;
  /** A server that the plugin asks. */
  readonly peer?: () => Promise<Peer>;
  /** More lines of our main.cf. */
  readonly mainCf?: string;
}

export interface Dialog {
  /** Default: 123.125.81.9, with the name client.example.org. */
  readonly ip?: string;
  /** Each waits for its reply; what follows DATA is the message. */
  readonly say: readonly string[];
  /** Sent before the greeting. */
  readonly early?: string;
  /** What is not compared: the case's comment says why. */
  readonly except?: readonly ('results' | 'header')[];
  /** Pause before it, ms: what the plugin waits for. */
  readonly after?: number;
}

/** What one server made of a dialog. */
export interface Outcome {
  /** The greeting and each reply; '' after the connection has ended. */
  readonly replies: readonly string[];
  /** Results by plugin: the connection's and those of each transaction. */
  readonly results: Readonly<Record<string, unknown>>;
  /** As it was kept; null if it was not. */
  readonly message: string | null;
  /** To whom it went. */
  readonly recipients: readonly string[];
}

export interface Pair {
  /** What the real Haraka, and what Posthorn made of it. */
  play(dialog: Dialog): Promise<{ readonly haraka: Outcome; readonly ours: Outcome }>;
  /** What the peer has been told by both. */
  seen(): readonly string[];
  /** Of Posthorn's SMTP. */
  readonly ourPort: number;
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

export async function startPair({ plugins, files = {}, own: written = {}, peer, mainCf = '' }: Setting): Promise<Pair> {
  const asked = await peer?.();
  const textFor = (side: 1 | 2) => (text: string) =>
    text.replaceAll('$PORT', String(asked?.port)).replaceAll('$SIDE', String(side));
  const own = (takes: boolean): Record<string, string> => ({
    'plugins/probe.js': PROBE,
    'config/probe.ini': `takes=${takes ? 'yes' : 'no'}\n`,
    'config/plugins': [...plugins, 'rcpt_to.in_host_list', 'probe', ''].join('\n'),
    'config/host_list': 'example.test\n',
    'config/me': `${HOST}\n`,
    'config/connection.ini': CONNECTION_INI,
    'config/log.ini': 'level=info\n',
    ...Object.fromEntries(Object.entries(written).map(([name, text]) => [`plugins/${name}.js`, text])),
    ...Object.fromEntries(
      Object.entries(files).map(([name, text]) => [`config/${name}`, textFor(takes ? 1 : 2)(text)]),
    ),
  });
  const portOffset = await freeOffset();
  const named = await startNamed({ files: zoneFiles(), zones: zoneStatements() });
  const nameservers = [`127.0.0.1:${named.port}`];
  const folders = makeFolders({
    ...configuration(mainCf),
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
      await new Promise((resolve) => setTimeout(resolve, dialog.after ?? 0));
      const theirs = await playOn(haraka.port, haraka.folder, dialog);
      const here = await playOn(25 + portOffset, ourFolder, dialog);
      const kept = (await view.messages(USER, 'INBOX')).slice(before);
      const recipients = kept.map(({ header }) => header.get('X-Original-To') ?? '');
      return { haraka: theirs, ours: { ...here, message: kept[0]?.text ?? null, recipients } };
    },
    ourPort: 25 + portOffset,
    seen: () => asked?.seen ?? [],
    logs: () => ({ haraka: haraka.said(), ours: readFileSync(ours.log.file, 'utf8') }),
    async stop() {
      await haraka.stop();
      await ours.close(1_000);
      await named.stop();
      await asked?.stop();
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
    if (early !== undefined) replies.push(await client.smtp());
    let last = '';
    for (const line of say) {
      // Nothing follows a refusal but other recipients.
      const isRefused = /^[45]/.test(replies.at(-1) ?? '');
      if (isRefused && line !== 'QUIT' && !(last.startsWith('RCPT') && line.startsWith('RCPT'))) continue;
      last = line;
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
  const queued = notes.find(({ at }) => at === 'queue');
  return {
    replies,
    results: Object.assign({}, ...notes.map(({ results = {} }) => results)) as Outcome['results'],
    message: queued?.data ?? null,
    recipients: queued?.to ?? [],
  };
}

/** RFC 5321 section 4.5.2. */
const onTheWire = (message: string): string => `${message.replaceAll(/^\./gm, '..').replaceAll(/\r?\n/g, '\r\n')}\r\n.`;

interface Note {
  readonly at: 'data_post' | 'queue' | 'reset' | 'disconnect';
  readonly results?: Readonly<Record<string, unknown>>;
  readonly data?: string;
  readonly to?: readonly string[];
}

function notesIn(file: string): Note[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Note);
}

function configuration(mainCf: string): Record<string, string> {
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
      'recipient_delimiter = +',
      'smtpd_helo_required = yes',
      mainCf,
      '',
    ].join('\n'),
    'master.cf': 'smtp inet n - n - - smtpd\n  -o smtpd_upstream_proxy_protocol=haproxy\n',
    'dovecot.conf': 'protocols = imap pop3\ndisable_plaintext_auth = no\nauth_failure_delay = 0\n',
    'named.conf': ['options {\n  listen-on { 127.0.0.1; };\n  directory ".";\n};', zoneStatements(), ''].join('\n'),
    plugins: 'restrictions\nrewriting\nharaka\n',
    ...zoneFiles(),
  };
}

const zoneFile = (name: string): string => `${name === '.' ? 'root' : name}.zone`;
const zoneStatements = (): string =>
  Object.keys(ZONES)
    .map((name) => `zone "${name}" { type master; file "${zoneFile(name)}"; };`)
    .join('\n');
const zoneFiles = (): Record<string, string> =>
  Object.fromEntries(Object.entries(ZONES).map(([name, text]) => [zoneFile(name), `${ZONE_HEAD}${text}\n`]));
const ZONE_HEAD = '$TTL 60\n@ SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60\n@ NS ns.invalid.\n';

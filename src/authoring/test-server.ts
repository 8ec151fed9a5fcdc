/**
 * `posthorn/plugin/test`: a small Posthorn for the tests of a plugin, in the test's own process.
 *
 *   import { startTestServer } from 'posthorn/plugin/test';
 *   await using server = await startTestServer({ plugins: [import.meta.dirname] });
 *   assert.equal(await server.send({ from: 'a@example.org', to: 'user@example.test' }), '250 2.0.0 Ok: queued as …');
 *
 * It is the server that `posthorn start` starts, with a configuration and a store in a temporary folder, listening on
 * loopback. What a test needs to be repeatable is its own: the clock stands still until it is moved, names are resolved
 * from the zones that the test gives, mail to other domains stays in the queue, and nothing leaves the machine.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import type { RunningServer } from '../app/running-server.ts';
import { startServer } from '../app/start-server.ts';
import { messageOf } from '../errors.ts';
import { type Letter, SmtpDialog } from './smtp-dialog.ts';
import { answersOf, imapAnswers, loginReply, moveCommands } from './test-clients.ts';
import { configurationFiles, DOMAIN, type TestSettings } from './test-configuration.ts';
import { ask, sampleOf, sendTo, type TestPage, type TestSites } from './test-http.ts';
import { type LogEntry, type StoredMessage, TestView, type WaitingMessage } from './test-view.ts';

export type { Letter, SmtpDialog } from './smtp-dialog.ts';
export type { HttpRequest, TestPage, TestSites } from './test-http.ts';
export type { LogEntry, StoredMessage, WaitingMessage } from './test-view.ts';

export interface TestServerOptions extends Partial<TestSettings> {
  /** The folders or files of the plugins to test, in the order in which they are called. */
  readonly plugins: readonly string[];
  /**
   * Whether they run in threads of their own, as a server runs them; false: in the thread of the test, where a debugger
   * stops in both. Default: as their configuration says, else true.
   */
  readonly worker?: boolean;
  /** What is in `plugins.d/<name>.json`, by the plugin's name: that of its folder or file. */
  readonly config?: Readonly<Record<string, object>>;
  /** Default: `user@example.test`. Each has the password `secret`. */
  readonly accounts?: readonly string[];
  /** What the clock shows at first, ms since 1970 UTC or a date. Default: 2026-01-01T12:00:00Z, a Thursday. */
  readonly now?: number | string;
  /** The HTTP servers that plugins may ask, by URL; no other request leaves. */
  readonly http?: TestSites;
}

/** A clock that moves only when it is told to. */
export class TestClock {
  #now: number;
  readonly #onMove: () => Promise<void>;

  constructor(now: number, onMove: () => Promise<void>) {
    this.#now = now;
    this.#onMove = onMove;
  }

  /** Milliseconds since 1970 UTC. */
  get now(): number {
    return this.#now;
  }

  /** Resolves when the jobs of plugins that became due by it have ended. */
  advance({
    days = 0,
    hours = 0,
    minutes = 0,
    seconds = 0,
  }: Readonly<Partial<Record<TimeUnit, number>>>): Promise<void> {
    this.#now += (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
    return this.#onMove();
  }
}

type TimeUnit = 'days' | 'hours' | 'minutes' | 'seconds';

export interface TestServer extends AsyncDisposable {
  readonly clock: TestClock;
  /** A client's connection, greeted: `say` sends a line and returns the reply. */
  connect(client?: { readonly ip?: string }): Promise<SmtpDialog>;
  /** A whole transaction. Returns its last reply: that to the message, or the refusal that ended it. */
  send(letter: Letter): Promise<string>;
  /** The messages of a mailbox, in the order of their UIDs. None where the mailbox does not exist. */
  messages(account: string, mailbox?: string): Promise<readonly StoredMessage[]>;
  /** Mail that waits in the queue, such as that to other domains: a test server sends none. */
  queued(): Promise<readonly WaitingMessage[]>;
  /** The reply to a login: `+OK …`, `a OK …`, or the refusal. */
  logIn(protocol: 'imap' | 'pop3', account: string, password?: string): Promise<string>;
  /** Where its IMAP server listens on 127.0.0.1, without TLS: for an IMAP client of the test's own. */
  readonly imapPort: number;
  /**
   * Logs in by IMAP and sends commands: `imap('user@example.test', 'SELECT INBOX', 'STORE 1 +FLAGS (\\Seen)')`. Resolves
   * to the lines of their answers, tagged a1, a2 …; rejects if the login is refused.
   */
  imap(account: string, ...commands: readonly string[]): Promise<readonly string[]>;
  /**
   * Moves a message by IMAP, as a mail program does: that with this UID, or the one with this subject. Rejects if there
   * is not exactly one, and with the server's answer if it refuses. Hooks such as `message_moved` are called afterwards.
   */
  move(account: string, message: number | string, from: string, to: string): Promise<void>;
  /** What the name server answers, as Node's `dns.resolve` returns it. Rejects with its errors (`ENOTFOUND`). */
  lookUp(name: string, type: 'A' | 'AAAA' | 'CNAME' | 'MX' | 'NS' | 'PTR' | 'TXT'): Promise<unknown>;
  /** The first line of the log whose message matches; waits up to five seconds for one. */
  logged(message: RegExp): Promise<LogEntry>;
  /** Asks a route of a plugin: `request('GET', '/plugins/<name>/status')`. */
  request(
    method: string,
    path: string,
    options?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Uint8Array },
  ): Promise<TestPage>;
  /** A value that /metrics shows; undefined where there is none of that name with these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>;
  /** As `posthorn reload`, with other settings of the plugins; rejects if they are refused. */
  reload(config?: TestServerOptions['config']): Promise<void>;
  close(): Promise<void>;
}

const PASSWORD = 'secret';
const START = '2026-01-01T12:00:00Z';
/** Above the offset that an unprivileged server chooses, below the ports that the system gives to clients. */
const OFFSETS = { first: 12_000, count: 19_000 } as const;
const MOST_TRIES = 50;
const GRACE_MS = 1_000;

/** Rejects with the faults of the configuration, those of the plugins among them. */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-test-'));
  const [config, data] = [join(root, 'config'), join(root, 'data')];
  mkdirSync(join(config, 'plugins.d'), { recursive: true });
  try {
    const names = options.plugins.map((path) => linkPlugin(path, config));
    const socket = join(root, 'http');
    const mainCf = { metrics_listen: `unix:${socket}`, ...options.mainCf };
    for (const [name, text] of Object.entries(configurationFiles(names, { ...options, mainCf }))) {
      mkdirSync(dirname(join(config, name)), { recursive: true });
      writeFileSync(join(config, name), text);
    }
    const threads = { names, worker: options.worker };
    writeSettings(config, options.config, threads);
    let wake = async (): Promise<void> => {};
    const clock = new TestClock(new Date(options.now ?? START).getTime(), () => wake());
    const { running, offset } = await startSomewhere((portOffset) =>
      startServer({
        configDirectory: config,
        dataDirectory: data,
        portOffset,
        accounts: (options.accounts ?? [`user@${DOMAIN}`]).map((address) => ({ address, password: PASSWORD })),
        clock: () => clock.now,
        http: sendTo(options.http ?? {}),
        printLog: false,
        onStop: () => {},
      }),
    );
    wake = () => running.wake();
    return testServer({ root, config, running, offset, clock, socket, threads });
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
}

interface Started {
  readonly threads: Threads;
  readonly root: string;
  readonly config: string;
  readonly running: RunningServer;
  readonly offset: number;
  readonly clock: TestClock;
  /** Where its own HTTP listens. */
  readonly socket: string;
}

function testServer({ root, config, running, offset, clock, socket, threads }: Started): TestServer {
  const imapPort = 143 + offset;
  const view = new TestView(running.store, running.log.file);
  const connect = (client: { readonly ip?: string } = {}): Promise<SmtpDialog> =>
    SmtpDialog.connect({ port: 25 + offset, ip: client.ip });
  const close = async (): Promise<void> => {
    await running.close(GRACE_MS);
    rmSync(root, { recursive: true, force: true });
  };
  return {
    clock,
    connect,
    async send(letter) {
      const dialog = await connect({ ...(letter.ip === undefined ? {} : { ip: letter.ip }) });
      try {
        return await dialog.send(letter);
      } finally {
        dialog.close();
      }
    },
    messages: (account, mailbox = 'INBOX') => view.messages(account, mailbox),
    queued: () => view.queued(),
    logIn: (protocol, account, password = PASSWORD) => loginReply(protocol, offset, { account, password }),
    imapPort,
    imap: (account, ...commands) => imapAnswers(imapPort, { account, password: PASSWORD }, commands),
    async move(account, message, from, to) {
      const commands = moveCommands(await view.messages(account, from), message, { from, to });
      const answer = (await imapAnswers(imapPort, { account, password: PASSWORD }, commands)).at(-1) ?? '';
      if (!answer.startsWith('a2 OK')) throw new Error(`the move from ${from} to ${to} was refused: ${answer}`);
    },
    lookUp: (name, type) => answersOf(53 + offset, name, type),
    logged: (message) => view.logged(message),
    request: (method, path, request) => ask(socket, method, path, request),
    async metric(name, labels = {}) {
      return sampleOf((await ask(socket, 'GET', '/metrics')).text, name, labels);
    },
    async reload(settings) {
      writeSettings(config, settings, threads);
      await running.reload();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The plugin's own folder in the configuration, and its name. */
function linkPlugin(path: string, config: string): string {
  const isFile = statSync(path).isFile();
  const name = basename(path, isFile ? extname(path) : '');
  symlinkSync(path, join(config, 'plugins.d', isFile ? basename(path) : name));
  return name;
}

interface Threads {
  /** Of the plugins that are tested. */
  readonly names: readonly string[];
  readonly worker: boolean | undefined;
}

function writeSettings(config: string, settings: TestServerOptions['config'] = {}, { names, worker }: Threads): void {
  for (const name of new Set([...Object.keys(settings), ...(worker === undefined ? [] : names)])) {
    // The lines that a fault names are those of the test's own settings, which come first.
    const own = worker !== undefined && names.includes(name) ? { ...settings[name], worker } : settings[name];
    writeFileSync(join(config, 'plugins.d', `${name}.json`), JSON.stringify(own, null, 2));
  }
}

/** Another test may have any port: tries others until one start finds all its ports free. */
async function startSomewhere(
  start: (portOffset: number) => Promise<RunningServer>,
): Promise<{ running: RunningServer; offset: number }> {
  for (let tries = 1; ; tries += 1) {
    const offset = OFFSETS.first + Math.floor(Math.random() * OFFSETS.count);
    try {
      return { running: await start(offset), offset };
    } catch (error) {
      if (tries === MOST_TRIES || !/EADDRINUSE|in use/.test(messageOf(error))) throw error;
    }
  }
}

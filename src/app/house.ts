/**
 * The composition root: builds the house from a configuration folder and a data folder, opens its
 * doors, reloads it, and closes it from the top down.
 *
 * Order of a start: everything that can be wrong with the configuration is found before anything is
 * made; keys are read and ports bound as root; then the process is mail_owner for ever.
 */
import { randomInt } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type AdminSocket, openAdminSocket } from '../admin/socket.ts';
import { Bus } from '../bus/bus.ts';
import { HookSwitch } from '../bus/switch.ts';
import type { Configuration } from '../config/configuration.ts';
import { undeliverableNotes } from '../delivery/route/undeliverable.ts';
import { messageOf, stackOf } from '../errors.ts';
import { createLog, type LogSink } from '../log.ts';
import { createQueueIds, QUEUE_ID_MAKERS } from '../mail/queue-id.ts';
import { type ClosableResolver, createResolver } from '../net/resolver.ts';
import { withLongWork } from '../running.ts';
import { readHosts } from '../server/http/hosts.ts';
import type { HttpServer } from '../server/http/server.ts';
import { hashPassword } from '../server/login/password.ts';
import { LoginThrottle } from '../server/login/throttle.ts';
import { openSqliteStore } from '../store/backend/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { askDomains } from './admin-house.ts';
import { ensureFirstAccount, makeAccounts, type NewAccount } from './first-account.ts';
import { buildGeneration, type Generation, type Lasting, layFoundation } from './generation.ts';
import { certificateWarnings, type Identities, makeCertificates, openIdentities, prepareRenewal, type Renewal } from './identity.ts';
import { LateLog, lateDirectory } from './late.ts';
import { type ListenerRow, Listeners, wantedListeners } from './listeners.ts';
import { NameServer } from './name-server.ts';
import { choosePortOffset, SHIFTED } from './port-offset.ts';
import { choosePrivileges } from './privileges.ts';
import { type Read, readHouse, unreadable } from './read.ts';
import { restWhenQuiet } from './rest.ts';
import { indexInIdleTime } from './search-indexing.ts';
import { strandedAccounts } from './stranded-accounts.ts';
import { rememberFiles } from './vanished-files.ts';

export interface HouseOptions {
  readonly configDirectory: string;
  readonly dataDirectory: string;
  /** Added to every port; not given: 0, or 10000 where low ports may not be bound. */
  readonly portOffset?: number;
  /** Added to the ports of other servers (25, and the resolver's 53): 0 but in the lab. */
  readonly peerPortOffset?: number;
  /** Instead of inet_interfaces. */
  readonly address?: string;
  /** Made where they do not exist; without any, a first account is made. */
  readonly accounts?: readonly NewAccount[];
  /** Text lines of the log go to standard output. */
  readonly printLog: boolean;
  /** An administrator asked the server to stop. */
  onStop(): void;
}

export interface RunningHouse {
  readonly domain: string;
  readonly hostname: string;
  readonly listeners: readonly ListenerRow[];
  /** What was made, moved or decided, one line each. */
  readonly notes: readonly string[];
  /** The names of the configuration files that were read. */
  readonly files: readonly string[];
  readonly firstAccount: NewAccount | null;
  readonly store: Store;
  /** Reads the configuration anew. Rejects with ConfigurationError, and keeps the old one, where it is faulty. Gives notes. */
  reload(): Promise<readonly string[]>;
  /** Logs what nobody caught, so that it ends nothing but itself: a plugin's timer, a promise that nobody waits for. */
  reportUncaught(error: unknown): void;
  /** Where the log is kept as JSON, and how it names this machine. */
  readonly log: { readonly file: string; readonly host: string };
  /** Drains: no new sessions, those open finish, deliveries too, for `graceMs` at the most. */
  close(graceMs: number): Promise<void>;
}

export async function startHouse(options: HouseOptions): Promise<RunningHouse> {
  const house = new House(options);
  try {
    await house.start();
    return house;
  } catch (error) {
    await house.close(0).catch(() => {});
    throw error;
  }
}

class House implements RunningHouse {
  readonly #options: HouseOptions;
  readonly #clock = Date.now;
  /** Lent to plugins before the log and the store are open. */
  readonly #lateLog = new LateLog();
  readonly #lateDirectory = lateDirectory(() => this.store.directory);
  #generation: Generation | null = null;
  /** Generations that a reload replaced, whose sessions may still be open. */
  #retired: readonly Generation[] = [];
  #identities: Identities | null = null;
  #log: LogSink | null = null;
  #store: Store | null = null;
  #hooks: HookSwitch | null = null;
  #throttle: LoginThrottle | null = null;
  #listeners: Listeners | null = null;
  readonly #nameServer = new NameServer();
  #http: HttpServer | null = null;
  #admin: AdminSocket | null = null;
  #stopIndexing: () => Promise<void> = async () => {};
  #stopResting: () => void = () => {};
  #stopWarning: () => void = () => {};
  #reloading: Promise<readonly string[]> | null = null;
  #closing: Promise<void> | null = null;
  #portOffset = 0;
  /** The log says "stopped" of a house that said "started". */
  #started = false;
  notes: string[] = [];
  files: readonly string[] = [];
  firstAccount: NewAccount | null = null;

  constructor(options: HouseOptions) {
    this.#options = options;
  }

  get domain(): string {
    return this.#current.configuration.parameters.string('myorigin');
  }

  get hostname(): string {
    return this.#current.configuration.parameters.string('myhostname');
  }

  get log(): RunningHouse['log'] {
    return { file: logFileOf(this.#options.dataDirectory), host: this.#shortName(this.#current.configuration) };
  }

  get store(): Store {
    return required(this.#store);
  }

  get listeners(): readonly ListenerRow[] {
    const dns = this.#nameServer.addresses.map(({ address, port }): ListenerRow => ({ service: 'dns', address, port, tls: 'no' }));
    return [...(this.#listeners?.rows ?? []), ...dns];
  }

  get #current(): Generation {
    return required(this.#generation);
  }

  async start(): Promise<void> {
    const { dataDirectory, printLog } = this.#options;
    const read = await this.#read();
    const { configuration } = read;
    const privileges = choosePrivileges(configuration);
    const logFile = logFileOf(dataDirectory);
    makeFolders(dataDirectory, logFile);
    privileges.give(dataDirectory);
    this.#log = createLog({ file: logFile, host: this.#shortName(configuration), ...(printLog ? { textFd: 1 } : {}) });
    const log = this.#log;
    this.#lateLog.open(log);
    this.#portOffset = this.#options.portOffset ?? (await choosePortOffset('127.0.0.1'));
    this.notes = [...read.notes];
    if (this.#options.portOffset === undefined && this.#portOffset === SHIFTED)
      this.notes.push(`ports below 1024 may not be bound here: every port is moved up by ${SHIFTED}`);

    if (hasMail(configuration)) {
      const { sources, notes } = await privileges.asOwner(() => makeCertificates(configuration));
      this.#identities = await openIdentities(sources);
      this.notes.push(...notes);
    }
    this.#store = await privileges.asOwner(() =>
      openSqliteStore({
        directory: dataDirectory,
        log,
        clock: this.#clock,
        onFatal: (error) => {
          log.error({ err: error }, `the store stopped: ${error.message}`);
          this.#options.onStop();
        },
      }),
    );
    this.#hooks = new HookSwitch(new Bus({ log, clock: this.#clock }));
    this.#generation = buildGeneration(read.foundation, this.#lasting(), this.#identities);
    await this.#hooks.swap(this.#generation.bus);
    if (this.#options.accounts !== undefined) await makeAccounts(this.#store.directory, this.#options.accounts);

    this.notes.push(...(await this.#nameServer.open({ hooks: this.#hooks, log, clock: this.#clock, portOffset: this.#portOffset }, configuration, read.zones)));
    await this.#openSites(configuration);
    this.#listeners = new Listeners(() => ({ generation: this.#current, identities: this.#identities, http: this.#http }), log);
    await this.#listeners.become(this.#wanted(configuration));
    this.#admin = await privileges.asOwner(() => openAdminSocket(dataDirectory, this.#adminHouse(), log));
    if (this.#identities !== null) {
      this.notes.push(...(await privileges.asOwner(async () => this.#remember(configuration))));
      this.notes.push(...this.#certificateWarnings().map((warning) => `warning: ${warning}`));
    }
    privileges.drop();
    for (const path of privileges.owner === null ? [] : unreadable(configuration, this.files))
      this.notes.push(`${path}: ${privileges.owner} may not read it, so that a reload would fail; help with chgrp ${privileges.owner} and chmod g+r`);
    privileges.owner === null && process.getuid?.() === 0 && this.notes.push('running as root: set mail_owner in main.cf to a user that owns nothing else');
    this.notes.push(...(await strandedAccounts(this.#store.directory, this.#current.domains)));
    // Last of what can fail: a password that is shown once is made by a start that comes to show it.
    if (this.#options.accounts === undefined && hasMail(configuration)) this.firstAccount = await ensureFirstAccount(this.#store.directory, this.domain);
    if (hasMail(configuration)) this.notes.push(...(await undeliverableNotes({ ...this.#current, parameters: configuration.parameters })));
    this.#current.delivery.runner.start();
    this.#started = true;
    this.#stopIndexing = indexInIdleTime(this.#store, log);
    this.#stopResting = restWhenQuiet();
    this.#stopWarning = daily(() => {
      for (const warning of this.#certificateWarnings()) log.warn({}, warning);
    });
    log.info({}, `started, configuration ${configuration.directory}, data ${dataDirectory}`);
  }

  reload(): Promise<readonly string[]> {
    // One at a time; who asks meanwhile waits for a reload of its own, for the files may have changed again.
    const turn = (this.#reloading ?? Promise.resolve()).catch(() => {}).then(() => withLongWork(() => this.#reload()));
    this.#reloading = turn.then(
      (notes) => notes,
      () => [],
    );
    return turn;
  }

  async #reload(): Promise<readonly string[]> {
    if (this.#closing !== null) throw new Error('the server is stopping');
    const read = await this.#read();
    const { configuration, foundation } = read;
    const notes = [...read.notes];
    let fresh: Generation;
    try {
      const { identities, commit, notes: renewed } = await this.#renewIdentities(configuration);
      fresh = buildGeneration(foundation, this.#lasting(), identities);
      commit();
      this.#identities = identities;
      notes.push(...renewed);
    } catch (error) {
      await foundation.bus.close();
      foundation.resolver.close();
      throw error;
    }
    // From here on the new one counts: whatever cannot be done is a note, or the queue would have no runner.
    const old = this.#current;
    this.#generation = fresh;
    this.#retire(old);
    await required(this.#hooks).swap(fresh.bus);
    notes.push(...(await this.#nameServer.renew(configuration, read.zones)), ...(await strandedAccounts(this.store.directory, fresh.domains)));
    if (this.#identities !== null) notes.push(...this.#remember(configuration), ...this.#certificateWarnings().map((warning) => `warning: ${warning}`));
    await this.#openSites(configuration).then(
      (note) => note !== undefined && notes.push(note),
      (error: unknown) => notes.push(messageOf(error)),
    );
    await required(this.#listeners)
      .become(this.#wanted(configuration))
      .catch((error: unknown) => notes.push(messageOf(error)));
    // The old runner gives its leases back before the new one begins: no item has two.
    await old.delivery.close(RELOAD_DRAIN_MS);
    old.resolver.close();
    fresh.delivery.runner.start();
    if (hasMail(configuration)) notes.push(...(await undeliverableNotes({ ...fresh, parameters: configuration.parameters })));
    this.#log?.reopen();
    this.#log?.info({}, 'configuration reloaded');
    return notes;
  }

  /** Keeps a generation until its last session is over; that is looked at with each reload. */
  #retire(old: Generation): void {
    const retired = [...this.#retired, old];
    this.#retired = retired.filter(hasSessions);
    for (const { imap, pop3 } of retired.filter((generation) => !hasSessions(generation))) void Promise.all([imap.close(), pop3.close()]);
  }

  reportUncaught(error: unknown): void {
    this.#log?.error({ err: error }, `uncaught: ${stackOf(error)}`.replace(/\s*\n\s*/g, ' '));
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  /** From the top down: doors, sessions, deliveries, store. */
  async #close(graceMs: number): Promise<void> {
    // A reload under way would open again what is closed here.
    await this.#reloading;
    await this.#listeners?.close();
    await this.#admin?.close();
    const generations = [...this.#retired, ...(this.#generation === null ? [] : [this.#generation])];
    await Promise.all([
      this.#nameServer.close(),
      this.#http?.close(graceMs),
      ...generations.flatMap(({ smtp, imap, pop3 }) => [imap.close(), pop3.close(), ...[...smtp.values()].map((server) => server.close(graceMs))]),
    ]);
    await this.#generation?.delivery.close(graceMs);
    this.#stopResting();
    this.#stopWarning();
    await this.#stopIndexing();
    await this.#hooks?.close();
    this.#generation?.resolver.close();
    await this.#store?.close();
    if (this.#started) this.#log?.info({}, 'stopped');
    await this.#log?.flush();
  }

  /** Rejects with ConfigurationError. */
  async #read(): Promise<Read> {
    const { configDirectory, dataDirectory, address } = this.#options;
    const read = await readHouse({
      configDirectory,
      dataDirectory,
      address,
      layFoundation: (configuration) =>
        layFoundation(configuration, {
          directory: this.#lateDirectory,
          resolver: this.#makeResolver(configuration),
          log: this.#lateLog.log,
          clock: this.#clock,
        }),
    });
    this.files = read.files;
    return read;
  }

  #lasting(): Lasting {
    const log = required(this.#log);
    this.#throttle ??= new LoginThrottle({ log, clock: this.#clock });
    return {
      store: this.store,
      hooks: required(this.#hooks),
      log,
      clock: this.#clock,
      throttle: this.#throttle,
      newQueueId: this.#newQueueId,
      temporaryFolder: temporaryFolder(this.#options.dataDirectory),
      smtpPort: 25 + (this.#options.peerPortOffset ?? 0),
      onQueued: () => this.#generation?.delivery.runner.wake(),
      flushDestination: (domain) => this.#current.delivery.runner.flush({ destination: domain }),
    };
  }

  readonly #newQueueId = createQueueIds(this.#clock, randomInt(QUEUE_ID_MAKERS));

  #makeResolver(configuration: Configuration): ClosableResolver {
    const shift = this.#options.peerPortOffset ?? 0;
    const servers = configuration.nameservers.map(({ address, port }) => `${address.includes(':') ? `[${address}]` : address}:${port + shift}`);
    return createResolver({ servers, local: this.#nameServer.resolve });
  }

  /** The identities of a configuration; those in use stay as they are until `commit`. */
  async #renewIdentities(configuration: Configuration): Promise<Renewal & { readonly identities: Identities | null }> {
    if (!hasMail(configuration)) return { identities: this.#identities, commit: () => {}, notes: [] };
    const { sources, notes: made } = await makeCertificates(configuration);
    if (this.#identities === null) return { identities: await openIdentities(sources), commit: () => {}, notes: made };
    const { commit, notes } = await prepareRenewal(this.#identities, sources);
    return { identities: this.#identities, commit, notes: [...made, ...notes] };
  }

  #certificateWarnings(): string[] {
    return this.#identities === null ? [] : certificateWarnings(this.#identities, this.#current.configuration, this.#clock());
  }

  /** A note where that fails: it costs the protection of `vanishedFiles`, nothing more. */
  #remember(configuration: Configuration): string[] {
    try {
      rememberFiles(configuration);
      return [];
    } catch (error) {
      return [`the list of certificate files in use could not be written: ${messageOf(error)}`];
    }
  }

  /** HTTP is loaded where there are sites, and closed when the last one is gone. */
  async #openSites(configuration: Configuration): Promise<string | undefined> {
    const directory = join(configuration.directory, 'www');
    const unused = readHosts(directory).size === 0 ? this.#http : null;
    if (unused !== null) {
      this.#http = null;
      await unused.close();
      return `${directory}: no host folders are left, HTTPS is closed`;
    }
    if (this.#http !== null) this.#http.reload();
    if (this.#http !== null || readHosts(directory).size === 0) return undefined;
    const { createHttpServer } = await import('../server/http/server.ts');
    this.#http = createHttpServer({ directory, log: required(this.#log).child({ process: 'httpd' }) });
    return undefined;
  }

  #wanted(configuration: Configuration): ReturnType<typeof wantedListeners> {
    return wantedListeners(configuration, this.#identities !== null, this.#http !== null, this.#portOffset);
  }

  #shortName({ parameters }: Configuration): string {
    return parameters.string('myhostname').split('.')[0] ?? 'localhost';
  }

  #adminHouse(): Parameters<typeof openAdminSocket>[1] {
    const parameters = (): Configuration['parameters'] => this.#current.configuration.parameters;
    return {
      store: this.store,
      // A reload may change them.
      get defaultDomain() {
        return parameters().string('myorigin');
      },
      get parameters() {
        return parameters();
      },
      ...askDomains(async () => this.#current.domains),
      hashPassword,
      flush: (filter) => this.#current.delivery.runner.flush(filter),
      wake: () => this.#generation?.delivery.runner.wake(),
      clock: this.#clock,
      server: {
        reload: () => this.reload(),
        stop: () => this.#options.onStop(),
        status: () => ({
          domain: this.domain,
          hostname: this.hostname,
          pid: process.pid,
          listeners: this.listeners,
          connections: this.#listeners?.connections ?? 0,
          deliveries: this.#current.delivery.runner.active,
          memory: process.memoryUsage().rss,
        }),
      },
    };
  }
}

/** How long a reload waits for deliveries of the old generation, ms. */
const RELOAD_DRAIN_MS = 5_000;

const hasSessions = ({ smtp, imap, pop3 }: Generation): boolean =>
  imap.sessions + pop3.sessions + [...smtp.values()].reduce((sum, server) => sum + server.sessions, 0) > 0;

const hasMail = ({ services, dovecot }: Configuration): boolean => services.length > 0 || dovecot !== null;

const logFileOf = (dataDirectory: string): string => join(dataDirectory, 'log', 'mail.jsonl');

const temporaryFolder = (dataDirectory: string): string => join(dataDirectory, 'tmp');

/** Made while root, and given to the owner with the rest: afterwards nothing is made beside the store. */
function makeFolders(dataDirectory: string, logFile: string): void {
  try {
    for (const folder of [dataDirectory, temporaryFolder(dataDirectory), dirname(logFile)]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    closeSync(openSync(logFile, 'a', 0o600));
  } catch (error) {
    throw new Error(`${dataDirectory}: cannot be used as the data folder (${messageOf(error)}); give it to this user, or name another with --data`, {
      cause: error,
    });
  }
}

function daily(act: () => void): () => void {
  const timer = setInterval(act, 86_400_000);
  timer.unref();
  return () => clearInterval(timer);
}

function required<T>(part: T | null): T {
  if (part === null) throw new Error('the house is not open');
  return part;
}

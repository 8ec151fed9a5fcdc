/**
 * Reloads, one at a time: each builds a generation from the current configuration and replaces the previous one. An
 * invalid configuration is refused and changes nothing; failures after the switch are notes.
 */
import { clearLeftOut } from '../bus/left-out.ts';
import { messagesOf } from '../bus/messages.ts';
import { targetNotes } from '../delivery/local/notes.ts';
import { undeliverableNotes } from '../delivery/route/undeliverable.ts';
import { messageOf } from '../errors.ts';
import { withLongWork } from '../running.ts';
import { hasMail } from './certificates.ts';
import type { Generation } from './generation.ts';
import { wantedListeners } from './listeners.ts';
import type { ServerMetrics } from './metrics.ts';
import type { Read } from './read.ts';
import { readAll } from './read-all.ts';
import { ReloadRecord } from './reload-record.ts';
import type { ServerParts } from './server-parts.ts';
import { strandedAccounts } from './stranded-accounts.ts';

/** What only a start opens. */
const LASTING = ['mail_store', 'maillog_file', 'syslog_name'] as const;
type Lasting = Readonly<Record<(typeof LASTING)[number], string>>;

export class Reloads {
  readonly #parts: ServerParts;
  readonly #metrics: ServerMetrics;
  #state: 'starting' | 'running' | 'stopping' = 'starting';
  #last: Promise<unknown> = Promise.resolve();
  readonly #record = new ReloadRecord();
  /** What is open since the start. */
  #lasting: Lasting = { mail_store: '', maillog_file: '', syslog_name: '' };

  constructor(parts: ServerParts, metrics: ServerMetrics) {
    this.#parts = parts;
    this.#metrics = metrics;
  }

  /** From now on reloads are possible. `notes`: of the start. */
  begin(notes: readonly string[]): void {
    this.#record.started(notes);
    this.#state = 'running';
    const { parameters } = this.#parts.generations.current.configuration;
    this.#lasting = {
      mail_store: parameters.string('mail_store'),
      maillog_file: parameters.string('maillog_file'),
      syslog_name: parameters.string('syslog_name'),
    };
  }

  /** Why the last reload was refused; empty if it was not. */
  get refusal(): readonly string[] {
    return this.#record.refusal;
  }

  /**
   * Reads the configuration again and returns notes. If it is invalid, rejects with ConfigurationError and keeps the
   * old one. One at a time; a caller during a reload gets another one afterwards, because the files may have changed
   * again.
   */
  reload(): Promise<readonly string[]> {
    const turn = this.#last.then(() => withLongWork(() => this.#recorded()));
    this.#last = turn.catch(() => {});
    return turn;
  }

  /**
   * No reload starts after this. Resolves when the current one has ended, because it could open again what a stop
   * closes.
   */
  async stop(): Promise<void> {
    this.#state = 'stopping';
    await this.#last;
  }

  #recorded(): Promise<readonly string[]> {
    if (this.#state !== 'running') throw new Error(`the server is ${this.#state}`);
    return this.#record.keep(
      () => this.#reload(),
      (level, line) => this.#parts.log[level]({}, line),
    );
  }

  async #reload(): Promise<readonly string[]> {
    const { options, clock, log, falls, store, certificates, generations, nameServer } = this.#parts;
    const read = await readAll(options, {
      directory: store.directory,
      messages: messagesOf(() => store),
      states: store.pluginStates,
      versions: falls.versions,
      log,
      clock,
      resolve: nameServer.resolve,
    });
    const { fresh, notes: renewed } = await this.#build(read);
    clearLeftOut(options.dataDirectory);
    const { configuration } = fresh;
    // From here on the new generation is in use: any failure is only a note, or the queue would have no runner.
    const old = await generations.replace(fresh);
    const notes = [
      ...read.notes,
      ...LASTING.filter((name) => configuration.parameters.string(name) !== this.#lasting[name]).map(
        (name) => `main.cf: ${name} has changed: that takes effect at the next start`,
      ),
      ...renewed,
      ...(await nameServer.renew(configuration, read.zones)),
      ...(await strandedAccounts(store.directory, fresh.domains)),
      ...certificates.remember(configuration),
      ...certificates.warnings(configuration).map((warning) => `warning: ${warning}`),
      ...(await this.#changePorts(fresh)),
      ...(await this.#metrics.become(configuration)),
    ];
    await generations.retire(old);
    fresh.delivery.runner.start();
    fresh.bus.jobs.begin();
    if (hasMail(configuration))
      notes.push(
        ...(await undeliverableNotes({ ...fresh, parameters: configuration.parameters })),
        ...(await targetNotes(fresh)),
      );
    log.reopen();
    log.info({}, 'configuration reloaded');
    return notes;
  }

  /**
   * The next generation, with the certificates read again. Rejects with ConfigurationError; nothing has changed then.
   */
  async #build({
    foundation,
    configuration,
  }: Read): Promise<{ readonly fresh: Generation; readonly notes: readonly string[] }> {
    await using scope = new AsyncDisposableStack();
    scope.use(foundation);
    const { identities, commit, notes } = await this.#parts.certificates.prepare(configuration);
    const fresh = this.#parts.generations.build(foundation, identities);
    commit();
    scope.move();
    return { fresh, notes };
  }

  /** Never rejects: a port that cannot be opened is a note. */
  async #changePorts({ configuration }: Generation): Promise<readonly string[]> {
    const { certificates, sites, listeners, portOffset } = this.#parts;
    const notes: string[] = [];
    try {
      notes.push(...(await sites.become(configuration)));
    } catch (error) {
      notes.push(messageOf(error));
    }
    try {
      const wanted = wantedListeners(configuration, certificates.identities !== null, sites.open, portOffset);
      notes.push(...(await listeners.become(wanted)));
    } catch (error) {
      notes.push(messageOf(error));
    }
    return notes;
  }
}

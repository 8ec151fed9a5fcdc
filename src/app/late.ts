/**
 * Placeholders that plugins get at a start: they are registered while the start may still fail, and a failed start must
 * leave nothing behind. A reload passes the real log, directory and zones.
 */
import { type Messages, messagesOf } from '../bus/messages.ts';
import type { Log } from '../log.ts';
import type { Directory } from '../store/directory.ts';
import type { PluginStates } from '../store/plugin-states.ts';
import type { Store } from '../store/store.ts';
import type { NameServer } from './name-server.ts';

type LateStore = Pick<Store, 'directory' | 'pluginStates'>;
type LateContent = Pick<Store, 'mailboxes' | 'content'>;

type Level = 'debug' | 'info' | 'warn' | 'error';

/** `log`, `directory`, `messages`, `states` and `resolve` can be passed on at once; the three `open…` methods connect them. */
export class LateParts {
  readonly #log = new LateLog();
  #store: LateStore | null = null;
  #content: LateContent | null = null;
  #nameServer: NameServer | null = null;
  readonly log: Log = this.#log.log;
  readonly directory: Directory = lateDirectory(() => this.#opened.directory);
  readonly messages: Messages = messagesOf(() => this.#openedStore);
  readonly states: PluginStates = lateStates(() => this.#opened.pluginStates);
  /** Answers from our own zones; none before the name server is open. */
  readonly resolve: NameServer['resolve'] = (question) => this.#nameServer?.resolve(question) ?? null;

  /** Of `posthorn explain` without a server there is none. */
  get #openedStore(): Pick<Store, 'directory' | 'mailboxes' | 'content'> {
    if (this.#content === null) throw new Error('no mail can be read here');
    const { mailboxes, content } = this.#content;
    return { directory: this.#opened.directory, mailboxes, content };
  }

  get #opened(): LateStore {
    if (this.#store === null) throw new Error('the store is not open yet during register(); use it in a hook');
    return this.#store;
  }

  openLog(log: Log): void {
    this.#log.open(log);
  }

  openStore(store: LateStore, content: LateContent | null): void {
    this.#store = store;
    this.#content = content;
  }

  openZones(nameServer: NameServer): void {
    this.#nameServer = nameServer;
  }
}

/** A log that buffers its lines until the real one is open. */
class LateLog {
  #sink: Log | null = null;
  readonly #waiting: (() => void)[] = [];
  readonly log: Log = this.#make((sink) => sink);

  open(sink: Log): void {
    this.#sink = sink;
    for (const write of this.#waiting.splice(0)) write();
  }

  /** `choose` returns the logger with the child's fields. */
  #make(choose: (sink: Log) => Log): Log {
    let chosen: Log | null = null;
    const write = (level: Level) => (fields: object, message: string) => {
      const now = (sink: Log): void => {
        chosen ??= choose(sink);
        chosen[level](fields, message);
      };
      if (this.#sink !== null) now(this.#sink);
      else this.#waiting.push(() => this.#sink !== null && now(this.#sink));
    };
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: (fields) => this.#make((sink) => choose(sink).child(fields)),
    };
  }
}

/** A directory that rejects until the store is open. */
const lateDirectory = (directory: () => Directory): Directory => ({
  find: async (address) => directory().find(address),
  get: async (account) => directory().get(account),
  list: async () => directory().list(),
  create: async (account) => directory().create(account),
  update: async (account, change) => directory().update(account, change),
  rename: async (renames) => directory().rename(renames),
  remove: async (account) => directory().remove(account),
  watch: (account, listener) => directory().watch(account, listener),
  aliases: async () => directory().aliases(),
  setAlias: async (address, targets) => directory().setAlias(address, targets),
  domains: async () => directory().domains(),
  setDomain: async (domain, served) => directory().setDomain(domain, served),
});

const lateStates = (states: () => PluginStates): PluginStates => ({
  get: async (of, now) => states().get(of, now),
  put: async (of, change, now) => states().put(of, change, now),
  keys: async (of, limit, now) => states().keys(of, limit, now),
  entries: async (after) => states().entries(after),
  sweep: async (now) => states().sweep(now),
});

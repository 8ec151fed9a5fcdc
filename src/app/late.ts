/**
 * What plugins are lent before it is there. They are registered while a start may still be refused, and
 * a refused start leaves nothing behind: the log and the store are opened after them.
 */
import type { Log } from '../log.ts';
import type { Directory } from '../store/directory.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** A log that keeps its lines until the real one is open. */
export class LateLog {
  #sink: Log | null = null;
  readonly #waiting: (() => void)[] = [];
  readonly log: Log = this.#make((sink) => sink);

  open(sink: Log): void {
    this.#sink = sink;
    for (const write of this.#waiting.splice(0)) write();
  }

  /** `choose` finds the logger with the child's fields. */
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

/** A directory that rejects until the store behind it is open. */
export const lateDirectory = (directory: () => Directory): Directory => ({
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

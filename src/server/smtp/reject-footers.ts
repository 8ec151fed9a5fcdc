/** smtpd_reject_footer_maps: the text after a refusal, by the refusal; instead of smtpd_reject_footer. */
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { LookupTable } from '../../lookup/table.ts';
import type { Reply } from '../../mail/status.ts';
import { encodeReply } from '../../protocol/smtp/reply.ts';

export class RejectFooters {
  readonly #tables: readonly LookupTable[];
  readonly #log: Log;

  constructor(tables: readonly LookupTable[], log: Log) {
    this.#tables = tables;
    this.#log = log;
  }

  /** A template; undefined for the usual one. A promise only if a table has to be waited for. Never rejects. */
  find(refusal: Reply): string | undefined | Promise<string | undefined> {
    return this.#ask(encodeReply(refusal).trimEnd(), this.#tables.values());
  }

  #ask(key: string, tables: Iterator<LookupTable>): string | undefined | Promise<string | undefined> {
    for (let next = tables.next(); next.done !== true; next = tables.next()) {
      const table = next.value;
      const failed = (error: unknown): undefined =>
        void this.#log.warn({ err: error }, `${table.name} lookup error for "${key}": ${messageOf(error)}`);
      try {
        const found = table.get(key);
        if (found instanceof Promise) return found.then((template) => template ?? this.#ask(key, tables)).catch(failed);
        if (found !== undefined) return found;
      } catch (error) {
        return failed(error);
      }
    }
    return undefined;
  }
}

/** Logs once that something cannot be asked, and once that it answers again. */
import type { TableContext } from '../table-type.ts';

export class Outage {
  readonly #table: string;
  readonly #log: TableContext['log'];
  #lasts = false;

  constructor(table: string, log: TableContext['log']) {
    this.#table = table;
    this.#log = log;
  }

  /** `message` must not hold a password. */
  begins(message: string): void {
    if (this.#lasts) return;
    this.#lasts = true;
    this.#log.warn({ table: this.#table }, `${this.#table}: ${message}`);
  }

  ends(what: string): void {
    if (!this.#lasts) return;
    this.#lasts = false;
    this.#log.info({ table: this.#table }, `${this.#table}: ${what} answers again`);
  }
}

/**
 * A link to a worker that holds nothing: started with the first question, and started again with the next one where it died.
 * The questions a dying worker had are rejected; nobody else notices.
 */
import type { Calls } from './calls.ts';
import type { Link } from './link.ts';

export class LazyLink<Table extends Calls<Table>> {
  readonly #start: (onDeath: () => void) => Promise<Link<Table>>;
  #link: Promise<Link<Table>> | undefined;
  #closed = false;

  constructor(start: (onDeath: () => void) => Promise<Link<Table>>) {
    this.#start = start;
  }

  async call<Name extends keyof Table & string>(name: Name, args: Table[Name]['args']): Promise<Table[Name]['result']> {
    if (this.#closed) throw new Error('the store is closed');
    const forget = (): void => {
      this.#link = undefined;
    };
    if (this.#link === undefined) {
      this.#link = this.#start(forget);
      this.#link.catch(forget);
    }
    return (await this.#link).call(name, args);
  }

  /** Waits for the answers to what was asked. */
  async close(): Promise<void> {
    this.#closed = true;
    const link = await this.#link?.catch(() => undefined);
    await link?.drain();
    await link?.terminate();
  }
}

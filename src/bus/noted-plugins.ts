/** A file of the data folder that notes something of plugins: it outlives the process, which may not write its configuration. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class NotedPlugins<T> {
  readonly #name: string;
  readonly #keyOf: (entry: T) => unknown;

  /** `keyOf`: of one key there is one entry. */
  constructor(name: string, keyOf: (entry: T) => unknown) {
    this.#name = name;
    this.#keyOf = keyOf;
  }

  fileIn(dataDirectory: string): string {
    return join(dataDirectory, this.#name);
  }

  /** None where there is no such file, or nobody can read it. */
  read(dataDirectory: string): readonly T[] {
    try {
      return (JSON.parse(readFileSync(this.fileIn(dataDirectory), 'utf8')) as { readonly plugins: readonly T[] })
        .plugins;
    } catch {
      return [];
    }
  }

  /** Throws if the disk does not take it. */
  add(dataDirectory: string, entry: T): void {
    const key = this.#keyOf(entry);
    const plugins = [...this.read(dataDirectory).filter((one) => this.#keyOf(one) !== key), entry];
    const path = this.fileIn(dataDirectory);
    writeFileSync(`${path}.new`, `${JSON.stringify({ plugins }, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

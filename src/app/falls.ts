/** Promoted versions of plugins that fail too often: the server goes back to the version before by itself. */
import { addFallen, type Fallen, readFallen, type Versions } from '../bus/versions/fallen.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

export class Falls {
  readonly #dataDirectory: string;
  readonly #log: Log;
  #reload: (() => Promise<unknown>) | null = null;

  constructor(dataDirectory: string, log: Log) {
    this.#dataDirectory = dataDirectory;
    this.#log = log;
  }

  /** As noted now. */
  get versions(): Versions {
    return { fallen: readFallen(this.#dataDirectory), onFall: (fallen) => void this.#fall(fallen) };
  }

  /** Until then what fails stays in use. */
  open(reload: () => Promise<unknown>): void {
    this.#reload = reload;
  }

  async #fall(fallen: Fallen): Promise<void> {
    const { plugin, failures, calls } = fallen;
    this.#log.warn(
      { plugin },
      `plugin ${plugin}: ${failures} of its latest ${calls} calls failed since it was promoted: going back to the version before`,
    );
    try {
      addFallen(this.#dataDirectory, fallen);
      await this.#reload?.();
    } catch (error) {
      this.#log.error({ plugin }, `plugin ${plugin}: the version before cannot be used: ${messageOf(error)}`);
    }
  }
}

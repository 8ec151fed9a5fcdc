/** What a reload said, for whoever was not there when the command printed it: in the log, and in `posthorn status`. */
import { ConfigurationError, formatFault } from '../config/fault.ts';
import { messageOf } from '../errors.ts';

const WARNING = 'warning: ';
/** Faults of a refused reload that are told one by one. */
const TOLD = 20;

export class ReloadRecord {
  #refusal: readonly string[] = [];
  #said: readonly string[] = [];

  /** Why the last reload was refused, so that the files say something else than what is served; one line each. */
  get refusal(): readonly string[] {
    return this.#refusal;
  }

  /** What the start has said: a reload that says the same need not repeat it in the log. */
  started(notes: readonly string[]): void {
    this.#said = notes;
  }

  /** Resolves and rejects as `reload` does. */
  async keep(
    reload: () => Promise<readonly string[]>,
    say: (level: 'info' | 'warn' | 'error', line: string) => void,
  ): Promise<readonly string[]> {
    try {
      const notes = await reload();
      this.#refusal = [];
      const said = new Set(this.#said);
      this.#said = notes;
      for (const note of notes.filter((one) => !said.has(one)))
        if (note.startsWith(WARNING)) say('warn', note.slice(WARNING.length));
        else say('info', note);
      return notes;
    } catch (error) {
      const reasons = error instanceof ConfigurationError ? error.faults.map(formatFault) : [messageOf(error)];
      const more = reasons.length - TOLD;
      const told = more > 0 ? [...reasons.slice(0, TOLD), `${more} more faults; "posthorn check" shows all`] : reasons;
      for (const reason of told) say('error', `reload refused, the configuration before it stays in use: ${reason}`);
      const time = new Date().toISOString().slice(0, 19);
      this.#refusal = told.map((reason) => `the reload at ${time}Z was refused: ${reason}`);
      throw error;
    }
  }
}

/** What plugins do to the header of a message, to be done again to the message that the server keeps. */
import type { HarakaHeader } from './haraka.ts';

export class HeaderLog {
  /** Whole fields in the order in which they stand. */
  readonly leading: string[] = [];
  readonly trailing: string[] = [];
  readonly removed = new Set<string>();
  /** The message's own header has been read: `add_end` is behind it. Before, it stands in front. */
  isRead = false;
  #isPaused = false;

  constructor(header: HarakaHeader) {
    const own = { add: header.add, add_end: header.add_end, remove: header.remove };
    const fields = header.header_list;
    header.add = (name, value) => {
      const before = fields.length;
      own.add.call(header, name, value);
      if (fields.length > before && !this.#isPaused) this.leading.unshift(fieldText(fields[0]));
    };
    header.add_end = (name, value) => {
      const before = fields.length;
      own.add_end.call(header, name, value);
      if (fields.length > before && !this.#isPaused)
        (this.isRead ? this.trailing : this.leading).push(fieldText(fields.at(-1)));
    };
    header.remove = (name) => {
      own.remove.call(header, name);
      if (this.#isPaused) return;
      const prefix = `${name.toLowerCase()}:`;
      for (const list of [this.leading, this.trailing])
        list.splice(0, list.length, ...list.filter((field) => !field.toLowerCase().startsWith(prefix)));
      if (this.isRead) this.removed.add(name);
    };
  }

  /** Changes that the server makes by itself, and so are not the plugins'. */
  without(change: () => void): void {
    this.#isPaused = true;
    try {
      change();
    } finally {
      this.#isPaused = false;
    }
  }
}

const fieldText = (field = ''): string => field.replace(/\r?\n$/, '');

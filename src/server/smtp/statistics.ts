/**
 * The command counts in Postfix's disconnect line: `ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4` (accepted/seen if they
 * differ).
 */

/** In the order of Postfix's table, whatever order the client used. */
const ORDER = [
  'helo',
  'ehlo',
  'lhlo',
  'xclient',
  'xforward',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'bdat',
  'rset',
  'noop',
  'vrfy',
  'etrn',
  'help',
  'quit',
  'unknown',
];

export class CommandStatistics {
  readonly #counts = new Map<string, { seen: number; accepted: number }>();

  count(verb: string, accepted: boolean): void {
    let counts = this.#counts.get(verb);
    if (counts === undefined) {
      counts = { seen: 0, accepted: 0 };
      this.#counts.set(verb, counts);
    }
    counts.seen += 1;
    if (accepted) counts.accepted += 1;
  }

  /** With a space before each item. */
  toString(): string {
    let seen = 0;
    let accepted = 0;
    let text = '';
    for (const verb of ORDER) {
      const counts = this.#counts.get(verb);
      if (counts === undefined) continue;
      seen += counts.seen;
      accepted += counts.accepted;
      text += ` ${verb}=${ratio(counts.accepted, counts.seen)}`;
    }
    return `${text} commands=${seen === 0 ? '0/0' : ratio(accepted, seen)}`;
  }
}

const ratio = (accepted: number, seen: number): string => (accepted === seen ? `${seen}` : `${accepted}/${seen}`);

/**
 * The highest counts of any client since they were told last, as lines of the log (anvil(8), anvil_status_update_time).
 */
import { type Clock, MONTHS, twoDigits } from '../../clock.ts';

export type High = 'connections' | 'open' | 'messages' | 'recipients' | 'handshakes' | 'logins' | 'clients';

/** In the order of anvil's lines. */
const WORDS: readonly (readonly [high: High, words: string])[] = [
  ['connections', 'connection rate'],
  ['open', 'connection count'],
  ['messages', 'message rate'],
  ['recipients', 'recipient rate'],
  ['handshakes', 'newtls rate'],
  ['logins', 'auth rate'],
  ['clients', 'cache size'],
];

export class ClientHighs {
  readonly #clock: Clock;
  readonly #highs = new Map<High, { readonly count: number; readonly client: string; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `client`: its address; '' for what is not of one client. */
  note(high: High, count: number, client: string): void {
    if (count > (this.#highs.get(high)?.count ?? 0)) this.#highs.set(high, { count, client, at: this.#clock() });
  }

  /** The lines, and from now on none of them. `timeUnit`: of the rates, ms. */
  take(service: string, timeUnit: number): string[] {
    const lines = WORDS.flatMap(([high, words]) => {
      const found = this.#highs.get(high);
      if (found === undefined) return [];
      const { count, client, at } = found;
      const rate = words.endsWith('rate') ? `/${Math.round(timeUnit / 1000)}s` : '';
      const whose = client === '' ? '' : ` for (${service}:${client})`;
      return [`statistics: max ${words} ${count}${rate}${whose} at ${timeOf(at)}`];
    });
    this.#highs.clear();
    return lines;
  }
}

function timeOf(ms: number): string {
  const at = new Date(ms);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(':');
  return `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2)} ${time}`;
}

/**
 * Judges messages. What a message is judged by is read once, when it is received; the header field X-Bayes tells what the
 * whole server's mail says of it, and leads from each mailbox that gets it back to what was read.
 */
import { type HookArguments, NEXT, noteKey, type Server, type Verdict } from '../../src/bus/plugin.ts';
import { beginningOf } from './beginning.ts';
import { type Evidence, evidenceOf } from './evidence.ts';
import { HOUSE, type Rooms, roomOf } from './rooms.ts';
import { type Judgement, judge, type Knowledge } from './score.ts';
import type { Settings } from './settings.ts';

/** What the whole server's mail says of a message, for plugins with `after: ['bayes']`; none before enough was learned. */
export const BAYES = noteKey<Judgement>('bayes.judgement');

export interface FilterServices {
  readonly rooms: Pick<Rooms, 'open'>;
  readonly log: Server['log'];
  readonly settings: Settings;
  count(result: Result): void;
}

export type Result = 'spam' | 'ham' | 'unsure' | 'untrained';

/** The field is that of the server alone: one that comes with a message is removed. */
const FIELD = 'X-Bayes';
/** `spam; score=0.9987; learned=412/380; id=4ABC` */
const FORM = /^(?:spam|ham|unsure|untrained)(?:; score=([01]\.\d{4}))?; learned=\d+\/\d+; id=(\w{1,40})$/;
/** Below it, a message is surely none. */
const HAM_BELOW = 0.1;
/** Messages under way whose words are known. */
const MOST_READ = 200;

export class Filter {
  readonly #services: FilterServices;
  readonly #read = new Map<string, Evidence>();

  constructor(services: FilterServices) {
    this.#services = services;
  }

  async read({ connection, transaction, content, change }: HookArguments['data_post']): Promise<Verdict> {
    if (connection === null || connection.user !== null) return NEXT;
    const evidence = evidenceOf(await beginningOf(content), connection.remote);
    const { queueId } = transaction;
    const [oldest] = this.#read.keys();
    if (this.#read.size >= MOST_READ && oldest !== undefined) this.#read.delete(oldest);
    this.#read.set(queueId, evidence);
    const house = await this.#services.rooms.open(HOUSE);
    const isTrained = this.#services.settings.shared && this.#isTrained(house);
    const judgement = isTrained ? judge(evidence, [house]) : null;
    if (judgement !== null) transaction.notes.set(BAYES, judgement);
    const score = judgement === null ? '' : `; score=${judgement.score.toFixed(4)}`;
    change.replaceHeader(
      FIELD,
      `${this.#resultOf(judgement?.score)}${score}; learned=${house.spam}/${house.ham}; id=${queueId}`,
    );
    return NEXT;
  }

  forget(queueId: string): Verdict {
    this.#read.delete(queueId);
    return NEXT;
  }

  async deliver(letter: HookArguments['deliver']): Promise<Verdict> {
    const { rooms, settings, log, count } = this.#services;
    const { address } = letter.account;
    const [, written, queueId] = FORM.exec(letter.header.get(FIELD) ?? '') ?? [];
    if (queueId === undefined) return NEXT;
    const evidence = this.#read.get(queueId);
    const own = await rooms.open(roomOf(address));
    const house = await rooms.open(HOUSE);
    const known = [settings.shared ? house : null, own].filter(
      (room) => room !== null && this.#isTrained(room),
    ) as Knowledge[];
    const judgement = evidence === undefined || known.length === 0 ? null : judge(evidence, known);
    const score = judgement?.score ?? (written === undefined ? undefined : Number(written));
    const result = this.#resultOf(score);
    count(result);
    if (result === 'ham') letter.flags.push('$NotJunk');
    if (result !== 'spam') return NEXT;
    letter.flags.push('$Junk');
    if (letter.mailbox === 'INBOX') letter.mailbox = settings.mailbox;
    const words = judgement?.words ?? [];
    const by = known.includes(own) ? 'the account and the server' : 'the server';
    log.info(
      { queueId, account: address, score, words },
      `${queueId}: spam for ${address}: score ${score?.toFixed(4)} by what ${by} learned: ${words.join(' ')}`,
    );
    return NEXT;
  }

  #isTrained({ spam, ham }: Knowledge): boolean {
    return Math.min(spam, ham) >= this.#services.settings.minimum;
  }

  #resultOf(score: number | undefined): Result {
    if (score === undefined) return 'untrained';
    if (score >= this.#services.settings.threshold) return 'spam';
    return score < HAM_BELOW ? 'ham' : 'unsure';
  }
}

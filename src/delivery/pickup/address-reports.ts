/**
 * `sendmail -bv`: asks about the recipients of a submission and mails its sender a report. Other servers may take
 * minutes to answer, so this happens beside the pickup of mail.
 *
 * The file stays until the report is accepted: after a crash, and when the report cannot be accepted now, all is asked
 * again. While it is in work its time of change is kept new, so that no other process takes it for one that was left.
 */
import { rm, utimes } from 'node:fs/promises';
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Envelope } from '../../mail/envelope.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { Prober } from '../verify/prober.ts';

export interface AddressQuestion {
  readonly path: string;
  readonly queueId: string;
  readonly envelope: Envelope;
  /** Of the message that is not sent. */
  readonly header: Buffer;
  /** When it was asked first, ms since 1970 UTC. */
  readonly askedAt: number;
}

export interface AddressReportsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** A file without a change for this long was left by its process, ms. */
  readonly leftAfter: number;
}

/** What answers and tells; a reload gives another. */
export interface Reporter {
  readonly ask: Prober['ask'];
  readonly notifier: Pick<Notifier, 'asked'>;
}

/** Questions in work; the others are looked at again later. */
const AT_ONCE = 20;

export class AddressReports {
  readonly #options: AddressReportsOptions;
  readonly #inWork = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: AddressReportsOptions) {
    this.#options = options;
  }

  has(path: string): boolean {
    return this.#inWork.has(path);
  }

  /** Resolves at once. After `lifetime` ms a question that could not be answered is given up. */
  begin(question: AddressQuestion, reporter: Reporter, lifetime: number): void {
    const { path } = question;
    if (this.#inWork.size >= AT_ONCE || this.has(path) || this.#closing.signal.aborted) return;
    const work = this.#report(question, reporter, lifetime).finally(() => this.#inWork.delete(path));
    this.#inWork.set(path, work);
  }

  /** Resolves when nothing is in work; what is not answered yet is left. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#inWork.values());
  }

  async #report(question: AddressQuestion, { ask, notifier }: Reporter, lifetime: number): Promise<void> {
    const { path, queueId, envelope, header, askedAt } = question;
    const { clock, log, leftAfter } = this.#options;
    const touching = setInterval(() => void utimes(path, new Date(), new Date(askedAt)).catch(() => {}), leftAfter / 3);
    touching.unref();
    try {
      const outcomes = await ask(queueId, envelope, this.#closing.signal);
      if (outcomes === null) return;
      if (await notifier.asked(outcomes, header)) await rm(path, { force: true });
      else if (clock() - askedAt > lifetime) {
        log.warn({ queueId }, `${queueId}: its report was never accepted (see above): the question is given up`);
        await rm(path, { force: true });
      }
    } catch (error) {
      log.warn({ queueId, err: error }, `${queueId}: not answered, stays in ${path}: ${messageOf(error)}`);
    } finally {
      clearInterval(touching);
    }
  }
}

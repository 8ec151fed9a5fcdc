/**
 * What a client's errors cost (requirement P8): beyond smtpd_soft_error_limit each reply waits, at
 * smtpd_hard_error_limit the session ends; commands that do nothing for mail count as errors when there
 * are more than smtpd_junk_command_limit of them.
 */
import type { SmtpSettings } from './settings.ts';

type Limits = Pick<SmtpSettings, 'softErrorLimit' | 'hardErrorLimit' | 'errorSleepTime' | 'junkCommandLimit'>;

export class Patience {
  readonly #limits: Limits;
  #errors = 0;
  #junk = 0;
  #forgiven = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  noteJunk(): void {
    this.#junk += 1;
  }

  /** A message was taken: the junk count begins anew. */
  forgetJunk(): void {
    this.#junk = 0;
  }

  /** The reply to come is a refusal that is not the client's error. */
  forgive(): void {
    this.#forgiven = true;
  }

  /** A command was answered; returns how long its reply waits, ms. */
  price(failed: boolean): number {
    const { softErrorLimit, errorSleepTime, junkCommandLimit } = this.#limits;
    const wait = this.#errors >= softErrorLimit ? errorSleepTime : 0;
    if (failed ? !this.#forgiven : this.#junk > junkCommandLimit) this.#errors += 1;
    this.#forgiven = false;
    return wait;
  }

  get isOver(): boolean {
    return this.#errors >= this.#limits.hardErrorLimit;
  }
}

/**
 * Penalties for a client's errors (requirement P8): beyond smtpd_soft_error_limit each reply is delayed, at
 * smtpd_hard_error_limit the session ends; beyond smtpd_junk_command_limit, each command that does no work for mail
 * counts as an error (one that fails, as two).
 */
import type { SmtpSettings } from './settings.ts';

type Limits = Pick<SmtpSettings, 'softErrorLimit' | 'hardErrorLimit' | 'errorSleepTime' | 'junkCommandLimit'>;

export class Patience {
  readonly #limits: Limits;
  #errors = 0;
  #junk = 0;
  /** The command in work is one of those, beyond their limit. */
  #beyond = false;
  #forgiven = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  noteJunk(): void {
    this.#beyond = this.#junk > this.#limits.junkCommandLimit;
    this.#junk += 1;
  }

  /** A message was accepted: resets the junk count. */
  forgetJunk(): void {
    this.#junk = 0;
  }

  /** The next reply is a refusal that does not count as the client's error. */
  forgive(): void {
    this.#forgiven = true;
  }

  /** A command was answered; returns the delay of its reply, ms. */
  price(failed: boolean): number {
    const { softErrorLimit, errorSleepTime } = this.#limits;
    const wait = this.#errors >= softErrorLimit ? errorSleepTime : 0;
    if (failed && !this.#forgiven) this.#errors += 1;
    if (this.#beyond) this.#errors += 1;
    this.#beyond = false;
    this.#forgiven = false;
    return wait;
  }

  get isOver(): boolean {
    return this.#errors >= this.#limits.hardErrorLimit;
  }
}

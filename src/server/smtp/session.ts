/**
 * An SMTP session as its commands see it: the transaction under way, the hooks to ask, and what they may do with
 * the connection. The dialog that runs them is in dialog.ts; the socket is wire-session.ts's.
 */
import type { Connection, HookArguments, HookName, Verdict } from '../../bus/hook.ts';
import { NEXT } from '../../bus/hook.ts';
import type { Intake } from '../../delivery/receive/receiver.ts';
import type { Reply } from '../../mail/status.ts';
import type { BareLfWatch } from '../../protocol/smtp/body.ts';
import { accountEnded } from '../../protocol/smtp/replies.ts';
import type { AccountEnd } from '../login/account-watch.ts';
import { clientOf, rejectLine } from './maillog.ts';
import { Patience } from './patience.ts';
import type { BareNewline, SmtpSettings } from './settings.ts';
import { type RefusingHook, refusalOf } from './verdict.ts';
import { WireSession } from './wire-session.ts';

/** A command's outcome; null where everything was said already. */
export type Answer = Reply | null;

export abstract class SmtpSession extends WireSession {
  /** The message on its way in: aborted when the session ends before it does. */
  intake: Intake | null = null;
  /** After a BDAT that failed: its transaction swallows chunks until RSET or LAST (RFC 3030 section 2). */
  bdat: 'none' | 'receiving' | 'failed' = 'none';
  /** Watches the message on its way in for bare LFs, where somebody wants to know. */
  bareLfs: BareLfWatch | null = null;
  protected notesBareLf = false;
  readonly patience = new Patience(this.service.settings);
  /** The search for the client's name, while it goes on. */
  protected naming: Promise<void> | null = null;
  /** Ends the watch over the account that logged in. */
  #accountEnd: AccountEnd | null = null;
  protected unwatchAccount: () => void = () => {};
  #bareNewline: BareNewline | null = null;
  /** Who waits for the next line. */
  protected continuation: ((line: string) => void) | null = null;

  get settings(): SmtpSettings {
    return this.service.settings;
  }

  /** `name[ip]` */
  get client(): string {
    return clientOf(this.connection);
  }

  /** Undefined where the client's name is known already. */
  nameKnown(): Promise<void> | undefined {
    return this.naming ?? undefined;
  }

  /** What smtpd_forbid_bare_newline demands of this client. */
  bareNewline(): BareNewline | Promise<BareNewline> {
    return this.#bareNewline ?? this.#findBareNewline();
  }

  async #findBareNewline(): Promise<BareNewline> {
    let { bareNewline } = this.settings;
    if (bareNewline !== 'no') {
      await this.nameKnown();
      try {
        if (await this.service.mayEndLinesWithLf(this.connection)) bareNewline = 'no';
      } catch (error) {
        this.service.log.warn({ session: this.id, err: error }, `smtpd_forbid_bare_newline_exclusions cannot be looked up for ${this.client}`);
      }
    }
    this.#bareNewline = bareNewline;
    return bareNewline;
  }

  /** The disconnect line will say that a line ended without CR (smtpd_forbid_bare_newline = note). */
  noteBareLf(): void {
    this.notesBareLf = true;
  }

  /** NEXT at once where nobody listens. */
  async ask<N extends HookName>(hook: N, argument: HookArguments[N]): Promise<Verdict> {
    return this.service.hooks.has(hook) ? this.service.hooks.run(hook, argument) : NEXT;
  }

  /**
   * Asks a hook that may refuse. Undefined where it does not; else what to answer (null: nothing), logged.
   * `stage` and `subject` word the log line and the refusal.
   */
  async refused<N extends RefusingHook>(hook: N, argument: HookArguments[N], stage: string, subject: string): Promise<Answer | undefined> {
    return this.refuses(hook, await this.ask(hook, argument), stage, subject);
  }

  /** The same for a verdict that was given. */
  refuses(hook: RefusingHook, verdict: Verdict, stage: string, subject: string): Answer | undefined {
    const refusal = refusalOf(hook, verdict, subject);
    if (refusal === null) return undefined;
    if (refusal.disconnect) this.ending = true;
    if (refusal.reply !== null) this.logReject(stage, refusal.reply, hook === 'rcpt' ? subject : '');
    return refusal.reply;
  }

  logReject(stage: string, refusal: Reply, recipient: string): void {
    this.info(rejectLine(this.connection, stage, refusal, recipient));
  }

  /** The connection ends when the answer of the command in work has gone out. */
  endAfterAnswer(): void {
    this.ending = true;
  }

  /** Says something and waits for one line: AUTH's challenges. Never resolves when the client goes away. */
  prompt(challenge: Reply): Promise<string> {
    this.say(challenge);
    return new Promise((resolve) => {
      this.continuation = resolve;
      this.working = false;
      this.stream?.start();
    });
  }

  /** The end of the message came: a connection that is lost from here on loses no mail. */
  messageCame(): void {
    this.stage = 'END-OF-MESSAGE';
  }

  /** The client is to send a body now: it is the client's time that passes. */
  clientsTurn(is: boolean): void {
    this.working = !is;
    if (is && this.#accountEnd !== null) this.#endForAccount(this.#accountEnd);
  }

  /** The session ends when the account may not stay logged in: at once, or after the command in work. */
  loggedIn(user: NonNullable<Connection['user']>): void {
    this.logOut();
    this.connection.user = user;
    this.unwatchAccount = this.service.authenticator.watch(user.account, (why) => this.#accountEnded(why, user.login));
  }

  /** Nobody is logged in (any more). */
  logOut(): void {
    this.unwatchAccount();
    this.unwatchAccount = () => {};
    this.connection.user = null;
  }

  #accountEnded(why: AccountEnd, login: string): void {
    this.info(`${why.toLowerCase()}: ending the session of ${this.client}, sasl_username=${login}`);
    this.#accountEnd = why;
    if (this.working) this.ending = true;
    else this.#endForAccount(why);
  }

  /** What the client still sends of its message goes nowhere. */
  #endForAccount(why: AccountEnd): void {
    this.resetTransaction();
    this.end(accountEnded(this.settings.host, why));
  }

  resetTransaction(): void {
    this.intake?.abort();
    this.intake = null;
    this.bdat = 'none';
    this.bareLfs = null;
    this.connection.transaction = null;
  }
}

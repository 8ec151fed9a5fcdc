/**
 * A selected mailbox: what its client has been told, and what is still to be reported.
 *
 * Guarantees: sequence numbers change only in `report`; changes before the snapshot are dropped, and none after it is
 * missed. RFC 9051 sections 5.2 and 7.5, RFC 7162 (MODSEQ).
 */
import type { Id } from '../../mail/account.ts';
import type { Change } from '../../mail/change.ts';
import { type Mailbox, type MailboxStatus, type MessageState, SYSTEM_FLAGS } from '../../mail/mailbox.ts';
import {
  formatSet,
  greatestNamed,
  inRanges,
  type Ranges,
  resolveSet,
  type SequenceSet,
} from '../../protocol/imap/sequence-set.ts';
import { ImapSyntaxError } from '../../protocol/imap/syntax-error.ts';
import type { Mailboxes, MailboxSnapshot, UidRanges } from '../../store/mailboxes.ts';
import { News } from './news.ts';
import { type RecentMessages, recentMessages } from './recent.ts';
import { UidList } from './uid-list.ts';

/** How a command names messages. */
export type Naming = 'sequence' | 'uid';

export interface ReportOptions {
  /** EXPUNGE may be sent. */
  readonly expunge: boolean;
  /** The client uses MODSEQ (RFC 7162 section 3.1). */
  readonly modseq: boolean;
  /** Expunges are sent as VANISHED, by UID (RFC 7162 section 3.2.10). */
  readonly vanished: boolean;
}

export class SelectedMailbox {
  readonly id: Id;
  readonly readOnly: boolean;
  /** The status when the mailbox was opened. */
  readonly opened: MailboxStatus;
  readonly firstUnseen: number;
  readonly uids: UidList;
  /** The mailbox as a whole was changed in the store: it may have been deleted. */
  suspect = false;

  readonly #sharedRecent: RecentMessages;
  /** Ranges of UIDs that are recent for this session, and how many of them were last reported. */
  readonly #recent: [number, number][] = [];
  #toldRecent: number;
  readonly #keywords: Map<string, string>;
  #newKeywords = false;
  readonly #onNews: () => void;
  #unwatch: () => void = nothing;

  readonly #news: News;

  private constructor(snapshot: MailboxSnapshot, readOnly: boolean, sharedRecent: RecentMessages, onNews: () => void) {
    this.id = snapshot.mailbox.id;
    this.readOnly = readOnly;
    this.opened = snapshot.mailbox;
    this.firstUnseen = snapshot.firstUnseen;
    this.uids = new UidList(snapshot.uids);
    this.#news = new News(this.uids);
    this.#sharedRecent = sharedRecent;
    const toldElsewhere = sharedRecent.opened(this.id, this.opened.uidNext, readOnly);
    if (snapshot.recentFrom !== 0) this.#addRecent(Math.max(snapshot.recentFrom, toldElsewhere), this.uids.last);
    this.#toldRecent = this.recent;
    this.#keywords = new Map(snapshot.keywords.map((keyword) => [keyword.toLowerCase(), keyword]));
    this.#onNews = onNews;
  }

  /** `onNews` is called in the tick in which there is something to report. */
  static async open(
    mailboxes: Mailboxes,
    mailbox: Mailbox,
    readOnly: boolean,
    onNews: () => void,
  ): Promise<SelectedMailbox> {
    const early: Change[] = [];
    let selected: SelectedMailbox | null = null;
    // Watch first, so that no change is missed between the watch and the snapshot.
    const unwatch = mailboxes.watch(mailbox.account, (change) => {
      if (selected === null) early.push(change);
      else selected.#note(change);
    });
    const recent = recentMessages(mailboxes);
    recent.enter(mailbox.id);
    try {
      selected = new SelectedMailbox(
        await mailboxes.open(mailbox.id, { claimRecent: !readOnly }),
        readOnly,
        recent,
        onNews,
      );
    } catch (error) {
      unwatch();
      recent.leave(mailbox.id);
      throw error;
    }
    selected.#unwatch = unwatch;
    for (const change of early) selected.#note(change);
    return selected;
  }

  close(): void {
    if (this.#unwatch === nothing) return;
    this.#unwatch();
    this.#unwatch = nothing;
    this.#sharedRecent.leave(this.id);
  }

  #note(change: Change): void {
    if (change.mailbox !== this.id) return;
    const { highestModseq, uidNext } = this.opened;
    switch (change.kind) {
      case 'append':
        for (const { uid, flags } of change.messages) if (uid >= uidNext && this.#news.append(uid)) this.#learn(flags);
        break;
      case 'flags':
        for (const message of change.messages)
          if (message.modseq > highestModseq && this.#news.change(message)) this.#learn(message.flags);
        break;
      case 'expunge':
        this.noteExpunged(change.uids);
        break;
      case 'mailbox':
        this.suspect = true;
        break;
    }
    this.#onNews();
  }

  /** The session itself reported these states. */
  noteOwn(states: readonly MessageState[]): void {
    for (const state of states) {
      this.#learn(state.flags);
      this.#news.own(state);
    }
  }

  /** This state is being sent to the client. */
  noteTold(state: Pick<MessageState, 'uid' | 'modseq'>): void {
    this.#news.told(state);
  }

  /** Messages are expunged: to be reported at the next opportunity. */
  noteExpunged(uids: readonly number[]): void {
    this.#news.expunge(uids);
  }

  /** Queue `uid`, appended by this session, and any earlier unreported messages for the next report. */
  async catchUp(mailboxes: Mailboxes, uid: number): Promise<void> {
    const { last } = this.uids;
    if (uid > last)
      await this.#news.catchUp(mailboxes.rows(this.id, [[last + 1, uid]], {}), ({ flags }) => this.#learn(flags));
  }

  /** Whether another session expunged a message that the client still counts; failing to read it is then no error. */
  async isGone(mailboxes: Mailboxes, uid: number): Promise<boolean> {
    for await (const rows of mailboxes.rows(this.id, [[uid, uid]], {})) if (rows.length > 0) return false;
    return true;
  }

  #learn(flags: readonly string[]): void {
    for (const flag of flags) {
      if (flag.startsWith('\\') || this.#keywords.has(flag.toLowerCase())) continue;
      this.#keywords.set(flag.toLowerCase(), flag);
      this.#newKeywords = true;
    }
  }

  /** Everything that may be reported now, as untagged responses; '' if there is nothing. */
  report({ expunge, modseq, vanished }: ReportOptions): string {
    let out = this.reportKeywords();
    const gone = expunge ? this.#news.takeExpunged() : null;
    if (gone !== null) {
      const numbers = this.uids.remove(gone);
      if (vanished) out += `* VANISHED ${formatSet([...gone].sort((a, b) => a - b))}\r\n`;
      else out += numbers.map((number) => `* ${number} EXPUNGE\r\n`).join('');
    }
    const appended = this.#news.takeAppended();
    if (appended.length > 0) out += this.#reportAppended(appended);
    if (gone !== null || appended.length > 0) out += this.#reportRecent();
    for (const message of this.#news.takeChanged()) out += this.stateResponse(message, { uid: true, modseq });
    return out;
  }

  /** FLAGS and PERMANENTFLAGS if there is a new keyword: they must precede the FETCH that contains it. */
  reportKeywords(): string {
    if (!this.#newKeywords) return '';
    this.#newKeywords = false;
    return this.flagsResponses();
  }

  #reportAppended(uids: readonly number[]): string {
    for (const uid of uids) this.uids.push(uid);
    const { last } = this.uids;
    this.#addRecent(Math.max(uids[0] ?? 0, this.#sharedRecent.tell(this.id, last, this.readOnly)), last);
    return `* ${this.uids.length} EXISTS\r\n`;
  }

  /** RECENT if the number has changed since the last report. */
  #reportRecent(): string {
    const { recent } = this;
    if (recent === this.#toldRecent) return '';
    this.#toldRecent = recent;
    return `* ${recent} RECENT\r\n`;
  }

  /** UIDs in ascending order; none if `from` is greater than `to`. */
  #addRecent(from: number, to: number): void {
    if (from > to) return;
    const last = this.#recent.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = to;
    else this.#recent.push([from, to]);
  }

  get recent(): number {
    return this.uids.count(this.#recent);
  }

  isRecent(uid: number): boolean {
    return this.#recent.length > 0 && inRanges(this.#recent, uid);
  }

  /** `\Seen $Forwarded \Recent`, without parentheses. */
  formatFlags(uid: number, flags: readonly string[]): string {
    if (!this.isRecent(uid)) return flags.join(' ');
    return flags.length === 0 ? '\\Recent' : `${flags.join(' ')} \\Recent`;
  }

  /** `* n FETCH (…)` with a message's flags; '' if the client does not know the message. */
  stateResponse(
    { uid, flags, modseq }: MessageState,
    show: { readonly uid: boolean; readonly modseq: boolean; readonly flags?: boolean },
  ): string {
    const index = this.uids.indexOf(uid);
    if (index < 0) return '';
    const items = [...(show.uid ? [`UID ${uid}`] : []), ...(show.modseq ? [`MODSEQ (${modseq})`] : [])];
    if (show.flags !== false) items.push(`FLAGS (${this.formatFlags(uid, flags)})`);
    return `* ${index + 1} FETCH (${items.join(' ')})\r\n`;
  }

  flagsResponses(): string {
    const flags = [...SYSTEM_FLAGS, ...this.#keywords.values()].join(' ');
    const permanent = this.readOnly ? '()] Read-only mailbox.' : `(${flags} \\*)] Flags permitted.`;
    return `* FLAGS (${flags})\r\n* OK [PERMANENTFLAGS ${permanent}\r\n`;
  }

  /**
   * UID ranges of the messages named by a command, limited to those the client knows. Throws for sequence numbers out
   * of range.
   */
  resolve(set: SequenceSet, naming: Naming): UidRanges & Ranges {
    if (naming === 'uid') return resolveSet(set, this.uids.last);
    if (greatestNamed(set) > this.uids.length && this.uids.length > 0) {
      throw new ImapSyntaxError(`There is no message ${greatestNamed(set)}: the mailbox has ${this.uids.length}`);
    }
    return this.uids.uidRanges(resolveSet(set, this.uids.length));
  }
}

function nothing(): void {}

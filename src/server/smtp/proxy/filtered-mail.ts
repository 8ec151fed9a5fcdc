/**
 * A message on its way through the filter before the queue (smtpd_proxy_filter): the filter hears of it from its first
 * accepted recipient on, or, with speed_adjust, when all of it is here. Access control, encryption and logins are ours;
 * everything else, from header checks to delivery, is up to the server behind the filter.
 *
 * Why nothing is lost: the client hears 250 only as the filter's own reply to the end of the message.
 */
import { keepHeaderLines } from '../../../bus/prepended.ts';
import { refusalReply } from '../../../bus/refusal.ts';
import { unchangeable } from '../../../bus/unchangeable.ts';
import { OutgoingText } from '../../../delivery/client/outgoing-text.ts';
import { isLocalMail, originOf } from '../../../delivery/receive/client-origin.ts';
import { REFUSED } from '../../../delivery/receive/intake.ts';
import { mailDate } from '../../../delivery/receive/mail-date.ts';
import type { Intake } from '../../../delivery/receive/receiver.ts';
import { TemporaryFile } from '../../../delivery/receive/temporary-file.ts';
import { receivedLine } from '../../../delivery/receive/trace.ts';
import { messageOf } from '../../../errors.ts';
import { isReply, type Reply, reply } from '../../../mail/status.ts';
import { parseHeader } from '../../../protocol/mime/header.ts';
import { encodeHeaderText } from '../../../protocol/mime/header-text.ts';
import { LineEndFilter } from '../../../protocol/mime/line-end.ts';
import { INTERNAL_ERROR } from '../../../protocol/smtp/replies.ts';
import type { MailTransaction } from '../connection.ts';
import { clientLine, proxyLine } from '../maillog.ts';
import type { SmtpSession } from '../session.ts';
import { FilterDialog } from './filter-dialog.ts';
import type { FilteredTransaction, ProxyService } from './service.ts';

/** Octets of a header that plugins see. */
const MOST_HEADER = 128 * 1024;

const UNCHANGEABLE = unchangeable('a message for smtpd_proxy_filter cannot be changed before the filter has it');

export class FilteredMail implements FilteredTransaction {
  readonly #session: SmtpSession;
  readonly #service: ProxyService;
  readonly #transaction: MailTransaction;
  /** The command as the client gave it. */
  readonly #mail: string;
  /** What XFORWARD said of the client before this message. */
  readonly #forwarded: SmtpSession['forwarded'];
  /** For later: with speed_adjust. */
  readonly #recipients: string[] = [];
  #dialog: FilterDialog | null = null;
  #intake: FilteredIntake | null = null;
  /** The log names the client of the message. */
  #isIntroduced = false;
  #isClosed = false;

  constructor(session: SmtpSession, service: ProxyService, transaction: MailTransaction, mail: string) {
    this.#session = session;
    this.#service = service;
    this.#transaction = transaction;
    this.#mail = mail;
    this.#forwarded = session.forwarded;
  }

  async recipient(line: string): Promise<Reply | undefined> {
    const isLate = this.#service.settings.speedAdjust || this.#transaction.discard !== null;
    const dialog = isLate ? null : await this.#open();
    if (dialog !== null && isReply(dialog)) return dialog;
    this.#introduce();
    if (dialog !== null) return (await dialog.command(line, 2)) ?? undefined;
    this.#recipients.push(line);
    return undefined;
  }

  async data(): Promise<Reply | undefined> {
    return (await this.#dialog?.command('DATA', 3)) ?? undefined;
  }

  begin(foldCrs: boolean): Intake {
    this.#intake = new FilteredIntake({
      session: this.#session,
      transaction: this.#transaction,
      temporaryFolder: this.#service.temporaryFolder,
      foldCrs,
      head: () => this.#head(),
      dialog: this.#dialog,
      late: () => this.#tellAll(),
    });
    return this.#intake;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#intake?.abort();
    this.#dialog?.close();
  }

  /** With speed_adjust: all commands at once, up to DATA. */
  async #tellAll(): Promise<FilterDialog | Reply> {
    const dialog = await this.#open();
    if (isReply(dialog)) return dialog;
    for (const line of this.#recipients) {
      const refusal = await dialog.command(line, 2);
      if (refusal !== null) return refusal;
    }
    return (await dialog.command('DATA', 3)) ?? dialog;
  }

  #introduce(): void {
    if (this.#isIntroduced) return;
    this.#isIntroduced = true;
    this.#session.info(clientLine(this.#session.connection, '', this.#forwarded, this.#transaction.parameters.auth));
  }

  async #open(): Promise<FilterDialog | Reply> {
    if (this.#dialog !== null) return this.#dialog;
    const { connection, service, id } = this.#session;
    const isLocal = await isLocalMail({ connection, forwarded: this.#forwarded }, this.#service.isLocal);
    const origin = originOf(connection, { forwarded: this.#forwarded, isLocal, queueId: '' });
    const warn = (words: string): void => service.log.warn({ session: id }, words);
    const opened = await FilterDialog.open(this.#service.settings, warn, origin, this.#mail);
    if (isReply(opened)) return opened;
    if (this.#isClosed) {
      opened.close();
      return INTERNAL_ERROR;
    }
    this.#dialog = opened;
    return opened;
  }

  /** PREPEND, then Received, unless XFORWARD shows that we stand behind another server that added its own. */
  #head(): Buffer {
    const { connection, service } = this.#session;
    const transaction = this.#transaction;
    for (const fault of keepHeaderLines(transaction.prepend))
      service.log.warn({ session: connection.id }, `a prepended line is not a header field and is left out: ${fault}`);
    const only = transaction.recipients.length === 1 ? (transaction.recipients[0] ?? null) : null;
    const date = mailDate(service.clock());
    const received =
      this.#forwarded.size > 0 ? '' : receivedLine(connection, transaction, only, date, this.#service.settings.trace);
    return encodeHeaderText(transaction.prepend.map((line) => `${line}\r\n`).join('') + received);
  }
}

interface FilteredIntakeOptions {
  readonly session: SmtpSession;
  readonly transaction: MailTransaction;
  readonly temporaryFolder: string;
  readonly foldCrs: boolean;
  /** Our own header lines. */
  head(): Buffer;
  /** Null: the filter is asked at the end, by `late`. */
  readonly dialog: FilterDialog | null;
  late(): Promise<FilterDialog | Reply>;
}

class FilteredIntake implements Intake {
  readonly #options: FilteredIntakeOptions;
  readonly #lineEnds: LineEndFilter;
  readonly #text = new OutgoingText(0);
  /** A plugin will read the message. */
  readonly #isJudged: boolean;
  #copy: TemporaryFile | null = null;
  #failure: Reply | null = null;
  #isAborted = false;
  #refusalIsLogged = true;
  #writing: Promise<void>;

  constructor(options: FilteredIntakeOptions) {
    this.#options = options;
    const { session, foldCrs } = options;
    this.#lineEnds = new LineEndFilter({ strayCr: 'space', foldCrs, endLastLine: true });
    this.#isJudged = session.service.hooks.has('data_post', session.connection);
    this.#writing = this.#begin();
  }

  get refusalIsLogged(): boolean {
    return this.#refusalIsLogged;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#inTurn(() => this.#take(this.#lineEnds.push(chunk)));
  }

  async end(): Promise<Reply> {
    const { session, transaction } = this.#options;
    await this.#inTurn(() => this.#take(this.#lineEnds.end()));
    try {
      if (transaction.discard !== null) {
        session.info(`NOQUEUE: discard: ${transaction.discard}`);
        return reply(250, '2.0.0', 'Ok: discarded');
      }
      const refusal = this.#failure === null ? await this.#judge() : null;
      if (refusal !== null) {
        this.#refusalIsLogged = false;
        return refusal;
      }
      this.#warnOfOthersWork();
      const answer = this.#failure ?? (await this.#finish());
      session.info(proxyLine(session.connection, answer));
      return answer;
    } finally {
      await this.#copy?.close();
    }
  }

  abort(): void {
    this.#isAborted = true;
    void this.#inTurn(async () => this.#copy?.close());
  }

  /** Nothing rejects: what fails here becomes the reply at the end. */
  #inTurn(next: () => Promise<void> | undefined): Promise<void> {
    this.#writing = this.#writing.then(next).catch((error: unknown) => {
      const { session } = this.#options;
      session.service.log.error(
        { session: session.id, err: error },
        `a message cannot be kept for the proxy filter: ${messageOf(error)}`,
      );
      this.#failure = INTERNAL_ERROR;
    });
    return this.#writing;
  }

  async #begin(): Promise<void> {
    const { dialog, temporaryFolder, head } = this.#options;
    if (dialog === null || this.#isJudged) this.#copy = await TemporaryFile.open(temporaryFolder);
    await dialog?.write(this.#text.push(head()));
  }

  async #take(octets: Uint8Array): Promise<void> {
    if (this.#isAborted || this.#failure !== null) return;
    await this.#copy?.write(octets);
    await this.#options.dialog?.write(this.#text.push(Buffer.from(octets)));
  }

  /** smtpd_end_of_data_restrictions, and other plugins. */
  async #judge(): Promise<Reply | null> {
    const { session, transaction } = this.#options;
    const copy = this.#copy;
    if (!this.#isJudged || copy === null) return null;
    const received = Object.assign(transaction, { header: parseHeader(await headerOf(copy)) });
    const content = { [Symbol.asyncIterator]: () => copy.read() };
    const { connection, service } = session;
    return refusalReply(
      await service.hooks.run('data_post', { connection, transaction: received, content, change: UNCHANGEABLE }),
      REFUSED,
    );
  }

  async #finish(): Promise<Reply> {
    const { dialog, late, head } = this.#options;
    if (dialog !== null) {
      await dialog.write(this.#text.end());
      return dialog.end();
    }
    const opened = await late();
    if (isReply(opened)) return opened;
    await opened.write(this.#text.push(head()));
    for await (const piece of this.#copy?.read() ?? []) await opened.write(this.#text.push(piece));
    await opened.write(this.#text.end());
    return opened.end();
  }

  /** What only the server behind the filter could do. */
  #warnOfOthersWork(): void {
    const { session, transaction } = this.#options;
    const wanted = {
      HOLD: transaction.hold,
      REDIRECT: transaction.redirect,
      FILTER: transaction.filter,
      BCC: transaction.bcc[0] ?? null,
    };
    for (const [action, value] of Object.entries(wanted))
      if (value !== null)
        session.service.log.warn(
          { session: session.id },
          `with smtpd_proxy_filter specified, action ${action} is unavailable`,
        );
  }
}

async function headerOf(copy: TemporaryFile): Promise<Buffer> {
  let octets = Buffer.alloc(0);
  for await (const piece of copy.read()) {
    octets = Buffer.concat([octets, piece]);
    if (octets.includes('\r\n\r\n') || octets.length > MOST_HEADER) break;
  }
  const end = octets.indexOf('\r\n\r\n');
  return octets.subarray(0, end < 0 ? MOST_HEADER : end + 2);
}

/**
 * `sendmail -bs`: SMTP on standard input and output, as mail programs and libraries speak it with the command. Each
 * message goes into the maildrop folder; whom it reaches is decided by the server that takes it from there.
 */
import { hostname } from 'node:os';
import { createInterface, type Interface } from 'node:readline';
import { MAX_RECIPIENTS, type Submission } from '../../delivery/pickup/submission.ts';
import { isReply, type Reply, reply } from '../../mail/status.ts';
import { ownValue } from '../../own-value.ts';
import { parseMailParameters, parseRecipientParameters } from '../../protocol/smtp/esmtp-parameters.ts';
import { parsePath } from '../../protocol/smtp/path.ts';
import * as say from '../../protocol/smtp/replies.ts';
import { encodeReply } from '../../protocol/smtp/reply.ts';
import { type Call, Fatal } from './command.ts';
import { submit } from './submit.ts';

/** As smtpd reads them by default. */
const PATHS = { strict: false, dashUser: false, nullDomain: false, numericDomain: false };
/** Lines of a message that are written at once. */
const BATCH = 1_000;

/** What the command line says of every message. */
type Defaults = Omit<Submission, 'recipients'>;

interface Transaction {
  readonly envelope: Defaults;
  readonly recipients: string[];
}

/** Resolves with the exit code, after QUIT or the end of the input. */
export async function speakSmtp(call: Call, defaults: Defaults): Promise<number> {
  const input = createInterface({ input: process.stdin.setEncoding('latin1'), crlfDelay: Number.POSITIVE_INFINITY });
  const lines = input[Symbol.asyncIterator]();
  const dialog = new Dialog(call, defaults, lines);
  const answer = (text: Reply): void => void process.stdout.write(encodeReply(text));
  answer(reply(220, '', `${hostname()} ESMTP Posthorn`));
  for (let read = await lines.next(); read.done !== true; read = await lines.next()) {
    const said = await dialog.answer(Buffer.from(read.value, 'latin1').toString(), answer);
    answer(said);
    if (said === say.BYE) break;
  }
  input.close();
  return 0;
}

type Lines = ReturnType<Interface[typeof Symbol.asyncIterator]>;

class Dialog {
  readonly #call: Call;
  readonly #defaults: Defaults;
  readonly #lines: Lines;
  #transaction: Transaction | null = null;

  constructor(call: Call, defaults: Defaults, lines: Lines) {
    this.#call = call;
    this.#defaults = defaults;
    this.#lines = lines;
  }

  /** `early` is told what has to be said before the reply. */
  async answer(line: string, early: (text: Reply) => void): Promise<Reply> {
    const [, verb = '', argument = ''] = /^\s*(\S*)\s*(.*)$/s.exec(line) ?? [];
    const act = ownValue(this.#verbs, verb.toUpperCase());
    return act === undefined ? say.UNRECOGNIZED : act(argument, early);
  }

  readonly #verbs: Readonly<
    Record<string, (argument: string, early: (text: Reply) => void) => Reply | Promise<Reply>>
  > = {
    HELO: (argument) => (argument === '' ? reply(501, '', 'Syntax: HELO hostname') : this.#begin([])),
    EHLO: (argument) => (argument === '' ? reply(501, '', 'Syntax: EHLO hostname') : this.#begin(EXTENSIONS)),
    MAIL: (argument) => this.#mail(argument),
    RCPT: (argument) => this.#recipient(argument),
    DATA: (_argument, early) => this.#data(early),
    RSET: () => {
      this.#transaction = null;
      return say.OK;
    },
    NOOP: () => say.OK,
    VRFY: (argument) => reply(252, '2.0.0', argument),
    QUIT: () => say.BYE,
  };

  #begin(extensions: readonly string[]): Reply {
    this.#transaction = null;
    return reply(250, '', [hostname(), ...extensions].join('\n'));
  }

  #mail(argument: string): Reply {
    if (this.#transaction !== null) return say.NESTED_MAIL;
    const text = /^from:(.*)$/is.exec(argument)?.[1];
    if (text === undefined || text.trim() === '') return say.syntax('MAIL FROM:<address>');
    const path = parsePath(text, PATHS);
    if (path === null) return say.BAD_SENDER;
    const parameters = parseMailParameters(path.rest, { dsn: false, smtputf8: true });
    if (isReply(parameters)) return parameters;
    this.#transaction = {
      envelope: { ...this.#defaults, sender: path.address, body: parameters.body },
      recipients: [],
    };
    return say.SENDER_OK;
  }

  #recipient(argument: string): Reply {
    if (this.#transaction === null) return say.NEED_MAIL;
    const text = /^to:(.*)$/is.exec(argument)?.[1];
    if (text === undefined || text.trim() === '') return say.syntax('RCPT TO:<address>');
    const path = parsePath(text, PATHS);
    if (path === null || path.address === '') return say.BAD_RECIPIENT;
    const parameters = parseRecipientParameters(path.rest, { dsn: false, smtputf8: true });
    if (isReply(parameters)) return parameters;
    if (this.#transaction.recipients.length >= MAX_RECIPIENTS) return say.TOO_MANY_RECIPIENTS;
    this.#transaction.recipients.push(path.address);
    return say.RECIPIENT_OK;
  }

  async #data(early: (text: Reply) => void): Promise<Reply> {
    const transaction = this.#transaction;
    if (transaction === null) return say.NEED_RECIPIENT;
    if (transaction.recipients.length === 0) return say.NO_VALID_RECIPIENTS;
    early(say.START_DATA);
    this.#transaction = null;
    const recipients = [...new Set(transaction.recipients)];
    try {
      await submit(this.#call, { ...transaction.envelope, recipients }, this.#message());
    } catch (error) {
      if (!(error instanceof Fatal)) throw error;
      console.error(`sendmail: ${error.message}`);
      return say.INTERNAL_ERROR;
    }
    // The queue ID is given by the server.
    return reply(250, '2.0.0', 'Ok: queued');
  }

  /** Up to the dot; an end without one throws, so that nothing is kept. */
  async *#message(): AsyncGenerator<Buffer> {
    let batch: string[] = [];
    const taken = (): Buffer => {
      const text = batch.map((line) => `${line}\n`).join('');
      batch = [];
      return Buffer.from(text, 'latin1');
    };
    for (let read = await this.#lines.next(); read.done !== true; read = await this.#lines.next()) {
      if (read.value === '.') {
        yield taken();
        return;
      }
      batch.push(read.value.startsWith('.') ? read.value.slice(1) : read.value);
      if (batch.length >= BATCH) yield taken();
    }
    throw new Fatal('the input ended before the dot that ends the message');
  }
}

const EXTENSIONS: readonly string[] = ['PIPELINING', 'ENHANCEDSTATUSCODES', '8BITMIME', 'SMTPUTF8'];

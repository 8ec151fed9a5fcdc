/**
 * A received message, shown to milters and changed as they ask (milter_header_checks looks at the fields that they add).
 * Changes are kept aside until the milter has said all; a new body is spooled beyond what fits in memory. All of it
 * happens before the message is made durable.
 */
import type { Transaction } from '../../bus/hook.ts';
import type { Log } from '../../log.ts';
import type { Rewrite } from '../../lookup/address-rewriting.ts';
import type { Recipient } from '../../mail/envelope.ts';
import { isReply } from '../../mail/status.ts';
import type { Change } from '../../protocol/milter/answers.ts';
import { parseRecipientParameters } from '../../protocol/smtp/esmtp-parameters.ts';
import { parsePath } from '../../protocol/smtp/path.ts';
import { fieldText, HeaderFields } from '../milter/header-fields.ts';
import type { MilterMessage } from '../milter/session.ts';
import { BodyDraft } from './body-draft.ts';
import { type MessageContent, withoutBlankLine } from './message-content.ts';

export interface MilterMessageOptions {
  readonly content: MessageContent;
  readonly transaction: Transaction;
  /** The envelope's, which milters change. */
  readonly recipients: Recipient[];
  /** Completes addresses. */
  readonly rewrite: Rewrite;
  readonly headerLimit: number;
  readonly temporaryFolder: string;
  readonly log: Log;
  /** The fields that stand for one of a milter; none: it is left out. */
  check(field: string): Promise<readonly string[]>;
}

export class ReceivedMilterMessage implements MilterMessage {
  readonly #options: MilterMessageOptions;
  #header: HeaderFields;
  #isChanged = false;
  #draft: BodyDraft | null = null;

  constructor(options: MilterMessageOptions) {
    this.#options = options;
    this.#header = new HeaderFields(options.content.head());
  }

  get header(): HeaderFields {
    return this.#header;
  }

  /** Without the blank line. */
  body(): AsyncGenerator<Buffer> {
    return withoutBlankLine(this.#options.content.body(), this.#header.hasEnd);
  }

  async change(change: Change, hasLeadingSpace: boolean): Promise<void> {
    switch (change.kind) {
      case 'add-header':
      case 'insert-header':
      case 'change-header':
        this.#isChanged = true;
        return this.#changeHeader(change, hasLeadingSpace);
      case 'replace-body':
        return this.#addToBody(change.octets);
      case 'add-recipient':
        return this.#addRecipient(change.address, change.parameters);
      case 'delete-recipient':
        return this.#deleteRecipient(change.address);
      case 'change-sender':
        return this.#changeSender(change.address, change.parameters);
      case 'quarantine':
        return undefined;
    }
  }

  async settle(isWhole: boolean): Promise<void> {
    const draft = this.#draft;
    this.#draft = null;
    try {
      if (!this.#isChanged && draft === null) return;
      // A milter that failed half-way has changed header fields, each whole in itself; half a body is none.
      const body = draft === null || !isWhole ? null : draft.read();
      await this.#options.content.change(this.#header.toBuffer(body === null), body);
      this.#isChanged = false;
      if (body !== null) this.#header = new HeaderFields(this.#options.content.head());
    } finally {
      await draft?.close();
    }
  }

  async #changeHeader(
    change: Extract<Change, { name: string; value: string }>,
    hasLeadingSpace: boolean,
  ): Promise<void> {
    const { name, value } = change;
    if (change.kind === 'change-header' && value === '') {
      this.#header.delete(change.index, name);
      return;
    }
    const text = fieldText(name, value, hasLeadingSpace, this.#options.headerLimit);
    const [first, ...more] = await this.#options.check(text);
    if (first === undefined) {
      if (change.kind === 'change-header') this.#header.delete(change.index, name);
      return;
    }
    if (change.kind === 'add-header') this.#header.add(first);
    else if (change.kind === 'insert-header') this.#header.insert(change.index, first);
    else this.#header.change(change.index, name, first);
    for (const field of more) this.#header.add(field);
  }

  #addToBody(octets: Buffer): Promise<void> {
    this.#draft ??= new BodyDraft(this.#options.temporaryFolder);
    return this.#draft.write(octets);
  }

  async #addRecipient(given: string, parameters: string): Promise<void> {
    const { recipients, rewrite, log, transaction } = this.#options;
    const address = addressOf(given);
    const parsed = parseRecipientParameters(parameters, { dsn: true, smtputf8: true });
    if (address === null || address === '') {
      log.warn({ queueId: transaction.queueId }, `${transaction.queueId}: milter: not a recipient: "${shown(given)}"`);
      return;
    }
    if (isReply(parsed)) warnParameters(log, parameters, 'SMFIR_ADDRCPT_PAR');
    const { notify, orcpt } = isReply(parsed) ? { notify: [], orcpt: '' } : parsed;
    recipients.push({ address: rewrite(address), original: address, notify, orcpt });
  }

  #deleteRecipient(given: string): void {
    const { recipients, rewrite } = this.#options;
    const address = rewrite(addressOf(given) ?? given).toLowerCase();
    for (let at = recipients.length - 1; at >= 0; at -= 1)
      if (recipients[at]?.address.toLowerCase() === address) recipients.splice(at, 1);
  }

  #changeSender(given: string, parameters: string): void {
    const { transaction, rewrite, log } = this.#options;
    const address = addressOf(given);
    if (address === null) {
      log.warn({ queueId: transaction.queueId }, `${transaction.queueId}: milter: not a sender: "${shown(given)}"`);
      return;
    }
    // A missing From was made of the sender that the client gave: it stays.
    this.#isChanged = true;
    if (parameters.trim() !== '') warnParameters(log, parameters, 'SMFI_CHGFROM');
    transaction.reversePath = rewrite(address);
  }
}

/** `<a@b>` or `a@b`; '' is the null sender; null: it is none. */
function addressOf(given: string): string | null {
  const text = given.trim();
  const path = parsePath(text.startsWith('<') ? text : `<${text}>`, {
    strict: false,
    dashUser: false,
    nullDomain: false,
    numericDomain: false,
  });
  return path === null || path.rest.trim() !== '' ? null : path.address;
}

function warnParameters(log: Log, parameters: string, request: string): void {
  for (const parameter of parameters.trim().split(/\s+/))
    log.warn({}, `Ignoring bad ESMTP parameter "${shown(parameter)}" in ${request} request`);
}

const shown = (text: string): string => text.slice(0, 100).replace(/[^\x20-\x7e]/g, '?');

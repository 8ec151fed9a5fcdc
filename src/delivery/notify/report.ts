/**
 * A delivery status notification as text (RFC 3464, RFC 6533 if the message needs UTF-8 addresses): a part for people,
 * a part with fields for programs, and the message or its header. Pure; no text from a peer can add a line or a part.
 */
import type { BounceTemplates, TemplateName } from '../../mail/bounce-template.ts';
import { decodeXtext } from '../../protocol/smtp/xtext.ts';
import type { Outcome } from '../outcome.ts';
import { mailDate } from '../receive/mail-date.ts';

/**
 * `verify`: what would become of mail (`sendmail -bv`); `attempt`: how the first attempt went (`sendmail -v`); `postmaster`, `postmaster delay`: copies of the sender's notification; `double`: sent instead of it, for a notification that could not be
 * delivered.
 */
export type ReportKind =
  | 'failure'
  | 'delay'
  | 'success'
  | 'verify'
  | 'attempt'
  | 'postmaster'
  | 'double'
  | 'postmaster delay';

export interface Report {
  readonly kind: ReportKind;
  readonly host: string;
  readonly templates: BounceTemplates;
  readonly to: string;
  /** Unique: used for the boundary. */
  readonly queueId: string;
  /** All of one message; at least one. */
  readonly outcomes: readonly Outcome[];
  /** When retries end, ms since 1970 UTC; shown in a delay report. */
  readonly retryUntil: number;
  readonly now: number;
  /** The id of the message to which the report refers; '' for none. */
  readonly references: string;
  /** The message, or only its header. */
  readonly original: { readonly octets: Buffer; readonly complete: boolean };
}

/** Copies have no text of the template, as in Postfix. */
const WORDS: Readonly<Record<ReportKind, { readonly template: TemplateName; readonly copy?: string }>> = {
  failure: { template: 'failure' },
  postmaster: { template: 'failure', copy: 'A message could not be delivered; its sender was notified.\r\n' },
  double: { template: 'failure', copy: 'A message could not be delivered, and its sender cannot be notified.\r\n' },
  delay: { template: 'delay' },
  'postmaster delay': { template: 'delay', copy: 'A message is delayed; its sender was warned.\r\n' },
  success: { template: 'success' },
  verify: { template: 'verify' },
  attempt: { template: 'verify' },
};

function received({ remoteHost, isFinal }: Outcome): string {
  return remoteHost === '' || isFinal === true ? 'delivered' : 'relayed';
}

const ACTIONS: Readonly<Record<ReportKind, (outcome: Outcome) => string>> = {
  failure: () => 'failed',
  postmaster: () => 'failed',
  double: () => 'failed',
  delay: () => 'delayed',
  'postmaster delay': () => 'delayed',
  success: received,
  verify: ({ status }) => (status === 'sent' ? 'deliverable' : 'undeliverable'),
  attempt: (outcome) =>
    outcome.status === 'sent' ? received(outcome) : outcome.status === 'deferred' ? 'delayed' : 'failed',
};

const PARTS: Readonly<Record<ReportKind, string>> = {
  failure: 'Undelivered Message',
  postmaster: 'Undelivered Message',
  double: 'Undelivered Message',
  delay: 'Undelivered Message',
  'postmaster delay': 'Undelivered Message',
  success: 'Message',
  verify: 'Message',
  attempt: 'Message',
};

/** The whole message without Message-Id, which is added on receipt. */
export function formatReport(report: Report): Buffer {
  const first = report.outcomes[0]?.item;
  const utf8 = first?.smtputf8 ?? false;
  const boundary = `${report.queueId}.${Math.floor(report.now / 1000)}/${report.host}`;
  const { template, copy } = WORDS[report.kind];
  const { charset, from, subject, postmasterSubject, text } = report.templates[template];
  const recipients = recipientWords(report);
  const isAscii = charset.toLowerCase() === 'us-ascii';
  const status = statusFields(report, utf8);
  const top = [
    `Date: ${mailDate(report.now)}`,
    `From: ${from}`,
    `Subject: ${copy === undefined ? subject : postmasterSubject}`,
    `To: ${line(report.to)}`,
    ...(report.references === ''
      ? []
      : [`References: ${line(report.references)}`, `In-Reply-To: ${line(report.references)}`]),
    `Auto-Submitted: ${copy === undefined ? 'auto-replied' : 'auto-generated'}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=${utf8 ? 'global-delivery-status' : 'delivery-status'};\r\n\tboundary="${boundary}"`,
    'Content-Transfer-Encoding: 8bit',
    '',
    'This is a MIME-encapsulated message.',
    '',
    `--${boundary}`,
    'Content-Description: Notification',
    // What a peer said may be UTF-8.
    `Content-Type: text/plain; charset=${isAscii && !ASCII.test(recipients) ? 'utf-8' : charset}`,
    'Content-Transfer-Encoding: 8bit',
    '',
    '',
  ].join('\r\n');
  const rest = [
    '',
    recipients,
    `--${boundary}`,
    'Content-Description: Delivery report',
    `Content-Type: message/${utf8 ? 'global-' : ''}delivery-status`,
    // RFC 3464 section 2.1 requires 7-bit text, but a peer's text may not be.
    ...(ASCII.test(status) ? [] : ['Content-Transfer-Encoding: 8bit']),
    '',
    status,
    `--${boundary}`,
    `Content-Description: ${PARTS[report.kind]}${report.original.complete ? '' : ' Headers'}`,
    `Content-Type: ${originalType(report.original.complete, utf8)}`,
    'Content-Transfer-Encoding: 8bit',
    '',
    `Return-Path: <${line(first?.reversePath ?? '')}>`,
    '',
  ].join('\r\n');
  const words =
    copy === undefined ? Buffer.from(text.toString('latin1').replaceAll('\n', '\r\n'), 'latin1') : Buffer.from(copy);
  return Buffer.concat([
    Buffer.from(top),
    words,
    Buffer.from(rest),
    report.original.octets,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

const recipientWords = ({ outcomes }: Report): string =>
  outcomes
    .map(
      (outcome) =>
        `${fold(`<${line(outcome.item.recipient)}>${aliasWords(outcome)}: ${line(outcome.reply.text)}`)}\r\n`,
    )
    .join('\r\n');

const originalType = (complete: boolean, utf8: boolean): string =>
  utf8 ? `message/global${complete ? '' : '-headers'}` : complete ? 'message/rfc822' : 'text/rfc822-headers';

const ASCII = /^[\x00-\x7f]*$/;

function statusFields(report: Report, utf8: boolean): string {
  const first = report.outcomes[0]?.item;
  const type = utf8 ? 'utf-8' : 'rfc822';
  const message = [`Reporting-MTA: dns; ${report.host}`];
  if (first !== undefined) {
    if (first.envid !== '') message.push(`Original-Envelope-Id: ${line(readXtext(first.envid))}`);
    message.push(
      `X-Posthorn-Queue-ID: ${first.queueId}`,
      `X-Posthorn-Sender: ${type}; ${line(first.reversePath)}`,
      `Arrival-Date: ${mailDate(first.arrivedAt)}`,
    );
  }
  const groups = report.outcomes.map((outcome) => recipientFields(report, outcome, type).join('\r\n'));
  return `${[message.join('\r\n'), ...groups].join('\r\n\r\n')}\r\n`;
}

function recipientFields(report: Report, outcome: Outcome, type: string): string[] {
  const { item } = outcome;
  const fields = [`Final-Recipient: ${type}; ${line(item.recipient)}`];
  // RFC 3461 section 5.2.1: ORCPT if the client gave it, otherwise the address of RCPT TO.
  fields.push(
    `Original-Recipient: ${item.orcpt === '' ? `rfc822;${line(item.original)}` : line(readXtext(item.orcpt))}`,
  );
  fields.push(`Action: ${ACTIONS[report.kind](outcome)}`, `Status: ${statusOf(outcome)}`);
  if (outcome.remoteHost !== '') fields.push(`Remote-MTA: dns; ${line(outcome.remoteHost)}`);
  fields.push(
    fold(
      `Diagnostic-Code: ${outcome.diagnostic === '' ? `X-Posthorn; ${line(outcome.reply.text)}` : `smtp; ${line(outcome.diagnostic)}`}`,
    ),
  );
  if (WORDS[report.kind].template === 'delay') fields.push(`Will-Retry-Until: ${mailDate(report.retryUntil)}`);
  return fields;
}

function statusOf(outcome: Outcome): string {
  if (outcome.reply.enhanced !== '') return outcome.reply.enhanced;
  return `${Math.floor(outcome.reply.code / 100)}.0.0`;
}

const aliasWords = ({ item }: Outcome): string =>
  item.original === '' || item.original === item.recipient ? '' : ` (expanded from <${line(item.original)}>)`;

/** Collapses any text to one line. */
const line = (text: string): string => text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, 2000);

/** An address of type utf-8 is not xtext (RFC 6533 section 3): it is used unchanged. */
const readXtext = (text: string): string => decodeXtext(text) ?? text;

/** Folds long lines into indented continuation lines. */
function fold(text: string): string {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > 78) {
      lines.push(current);
      current = `    ${word}`;
    } else {
      current = current === '' ? word : `${current} ${word}`;
    }
  }
  return [...lines, current].join('\r\n');
}

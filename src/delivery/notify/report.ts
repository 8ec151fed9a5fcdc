/**
 * A delivery status notification as text (RFC 3464, RFC 6533 if the message needs UTF-8 addresses): a part for people,
 * a part with fields for programs, and the message or its header. Pure; no text from a peer can add a line or a part.
 */
import { decodeXtext } from '../../protocol/smtp/xtext.ts';
import type { Outcome } from '../outcome.ts';
import { mailDate } from '../receive/mail-date.ts';

/**
 * `postmaster`: a copy of the sender's notification; `double`: sent instead of it, for a notification that could not be
 * delivered.
 */
export type ReportKind = 'failure' | 'delay' | 'success' | 'postmaster' | 'double';

export interface Report {
  readonly kind: ReportKind;
  readonly host: string;
  readonly from: string;
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

const WORDS: Readonly<Record<ReportKind, { readonly subject: string; readonly text: (report: Report) => string }>> = {
  failure: {
    subject: 'Undelivered Mail Returned to Sender',
    text: () =>
      'Your message could not be delivered to the recipient(s) below.\r\nIt is attached, or the beginning of it.\r\n',
  },
  postmaster: {
    subject: 'Postmaster Copy: Undelivered Mail',
    text: () => 'A message could not be delivered; its sender was notified.\r\n',
  },
  double: {
    subject: 'Postmaster Copy: Undelivered Mail',
    text: () => 'A message could not be delivered, and its sender cannot be notified.\r\n',
  },
  delay: {
    subject: 'Delayed Mail (still being retried)',
    text: (report) =>
      `THIS IS A WARNING ONLY. YOU DO NOT NEED TO SEND YOUR MESSAGE AGAIN.\r\n\r\nYour message could not be delivered for ${period(report.now - arrival(report))}.\r\nIt will be retried until ${mailDate(report.retryUntil)}.\r\n`,
  },
  success: {
    subject: 'Successful Mail Delivery Report',
    text: () =>
      'Your message was delivered to the recipient(s) below. If it was only\r\nrelayed to another system, notifications from there may follow.\r\n',
  },
};

const ACTIONS: Readonly<Record<ReportKind, (outcome: Outcome) => string>> = {
  failure: () => 'failed',
  postmaster: () => 'failed',
  double: () => 'failed',
  delay: () => 'delayed',
  success: ({ remoteHost, isFinal }) => (remoteHost === '' || isFinal === true ? 'delivered' : 'relayed'),
};

const PARTS: Readonly<Record<ReportKind, string>> = {
  failure: 'Undelivered Message',
  postmaster: 'Undelivered Message',
  double: 'Undelivered Message',
  delay: 'Undelivered Message',
  success: 'Message',
};

/** The whole message without Message-Id, which is added on receipt. */
export function formatReport(report: Report): Buffer {
  const first = report.outcomes[0]?.item;
  const utf8 = first?.smtputf8 ?? false;
  const boundary = `${report.queueId}.${Math.floor(report.now / 1000)}/${report.host}`;
  const words = WORDS[report.kind];
  const status = statusFields(report, utf8);
  const top = [
    `Date: ${mailDate(report.now)}`,
    `From: Mail Delivery System <${report.from}>`,
    `Subject: ${words.subject}`,
    `To: ${line(report.to)}`,
    ...(report.references === ''
      ? []
      : [`References: ${line(report.references)}`, `In-Reply-To: ${line(report.references)}`]),
    `Auto-Submitted: ${report.kind === 'postmaster' || report.kind === 'double' ? 'auto-generated' : 'auto-replied'}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=${utf8 ? 'global-delivery-status' : 'delivery-status'};\r\n\tboundary="${boundary}"`,
    'Content-Transfer-Encoding: 8bit',
    '',
    'This is a MIME-encapsulated message.',
    '',
    `--${boundary}`,
    'Content-Description: Notification',
    `Content-Type: text/plain; charset=utf-8`,
    'Content-Transfer-Encoding: 8bit',
    '',
    `This is the mail system at host ${report.host}.`,
    '',
    `${words.text(report)}\r\nFor further assistance, please send mail to postmaster.\r\n\r\n                   The mail system\r\n`,
    ...report.outcomes.map(
      (outcome) =>
        `${fold(`<${line(outcome.item.recipient)}>${aliasWords(outcome)}: ${line(outcome.reply.text)}`)}\r\n`,
    ),
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
  return Buffer.concat([Buffer.from(top), report.original.octets, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

const arrival = (report: Report): number => report.outcomes[0]?.item.arrivedAt ?? report.now;

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
  if (report.kind === 'delay') fields.push(`Will-Retry-Until: ${mailDate(report.retryUntil)}`);
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

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

function period(ms: number): string {
  for (const [name, length] of UNITS) if (ms >= length) return `more than ${Math.floor(ms / length)} ${name}(s)`;
  return 'some time';
}

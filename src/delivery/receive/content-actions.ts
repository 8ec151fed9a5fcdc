/**
 * What the tables of checks do to a message that is being received (header_checks(5)), with the log lines of Postfix's
 * cleanup(8). An action on the envelope changes the transaction, as the same action of an access table does.
 */
import type { Connection, Transaction } from '../../bus/hook.ts';
import type { Log } from '../../log.ts';
import type { LogAddress } from '../../lookup/log-address.ts';
import type { Envelope } from '../../mail/envelope.ts';
import { type Reply, reply } from '../../mail/status.ts';
import type { MimeFault } from '../../protocol/mime/mime-reader.ts';
import {
  type Act,
  drop,
  type Effect,
  type Finding,
  keep,
  loggedText,
  prepend,
  quoteFor,
  replace,
  textFault,
} from '../checks/action.ts';

export interface Checked {
  readonly connection: Connection | null;
  readonly transaction: Transaction;
  readonly envelope: Envelope;
  readonly log: Log;
  readonly logAddress: LogAddress;
  /** The message is refused; the log says so. */
  refuse(answer: Reply): void;
}

type Action = (finding: Finding, checked: Checked) => Effect;

const MAX_QUOTED = 200;
const DSN = /^([245])(\.\d{1,3}\.\d{1,3})(?:\s+|$)/;

const FAULTS: Readonly<Record<MimeFault, string>> = {
  nesting: 'MIME nesting exceeds safety limit',
  'header-8bit': 'improper use of 8-bit data in message header',
  'body-8bit': 'improper use of 8-bit data in message body',
  encoding: 'invalid message/* or multipart/* encoding domain',
};

const last = (effect: Effect): Effect => ({ ...effect, isLast: true });

const ACTIONS: Readonly<Record<string, Action>> = {
  BCC: onEnvelope('bcc', addressFault('BCC address'), ({ bcc }, address) => bcc.push(address)),
  DISCARD: (finding, checked) => {
    logAction(checked, 'discard', finding, finding.argument);
    checked.transaction.discard ??= finding.argument || 'DISCARD action';
    return last(keep(finding));
  },
  DUNNO: keep,
  FILTER: onEnvelope(
    'filter',
    ({ argument, parameter }) =>
      argument === ''
        ? `missing FILTER command argument in ${parameter} map`
        : argument.includes(':')
          ? null
          : `bad FILTER command ${argument} in ${parameter} -- need transport:destination`,
    (transaction, filter) => {
      transaction.filter = filter;
    },
  ),
  HOLD: (finding, checked) => {
    const { transaction } = checked;
    if (transaction.hold === null) logAction(checked, 'hold', finding, finding.argument);
    transaction.hold ??= finding.argument || 'HOLD action';
    return keep(finding);
  },
  IGNORE: drop,
  INFO: (finding, checked) => {
    logAction(checked, 'info', finding, finding.argument);
    return keep(finding);
  },
  OK: keep,
  PASS: (finding, checked) => {
    logAction(checked, 'pass', finding, finding.argument);
    return last(keep(finding));
  },
  PREPEND: onText('prepend', prepend),
  REDIRECT: (finding, checked) => {
    const fault = addressFault('REDIRECT target')(finding);
    if (fault !== null) return warned(finding, checked, fault);
    checked.transaction.redirect = finding.argument;
    logAction(checked, 'redirect', finding, finding.argument);
    return last(keep(finding));
  },
  REJECT: (finding, checked) => {
    const text = finding.argument === '' ? 'message content rejected' : finding.argument;
    const [code = '', kind = '5', detail = '.7.1'] = DSN.exec(text) ?? [];
    if (kind === '2') warn(checked, `bad DSN action in ${text} -- need 4.x.x or 5.x.x`);
    const enhanced = `${kind === '5' ? '5' : '4'}${detail}`;
    const words = text.slice(code.length);
    logAction(checked, 'reject', finding, `${enhanced} ${words}`);
    checked.refuse(reply(kind === '5' ? 550 : 451, enhanced, words));
    return last(keep(finding));
  },
  REPLACE: onText('replace', replace),
  STRIP: (finding, checked) => {
    logAction(checked, 'strip', finding, finding.argument);
    return drop();
  },
  WARN: (finding, checked) => {
    logAction(checked, 'warning', finding, finding.argument);
    return keep(finding);
  },
};

export function receivingAct(checked: Checked): Act {
  return (finding) => {
    const action = Object.hasOwn(ACTIONS, finding.action) ? ACTIONS[finding.action] : undefined;
    if (action !== undefined) return action(finding, checked);
    return warned(finding, checked, `unknown command in ${finding.parameter} map: ${finding.value}`);
  };
}

/** A message whose MIME structure is refused: too deep, or wrong by one of the `strict_` parameters. */
export function refuseStructure(checked: Checked, fault: MimeFault, text: string): void {
  const { transaction, envelope, log, connection, logAddress } = checked;
  const { queueId, reversePath } = transaction;
  const words = FAULTS[fault];
  const to = envelope.recipients.at(-1)?.address ?? 'unknown';
  log.info(
    { queueId },
    `${queueId}: reject: mime-error ${words}: ${quoteFor(text, MAX_QUOTED)} from ${originOf(connection)}; from=<${logAddress(reversePath)}> to=<${logAddress(to)}>`,
  );
  checked.refuse(reply(550, '5.6.0', words));
}

/** message_reject_characters. `line`: in which one of them stands. */
export function refuseCharacter(checked: Checked, line: string): void {
  logAction(checked, 'reject', { where: 'content', text: line }, '5.7.1 disallowed character');
  checked.refuse(reply(550, '5.7.1', 'disallowed character'));
}

function addressFault(what: string): (finding: Finding) => string | null {
  return ({ argument, parameter }) =>
    argument.includes('@') ? null : `bad ${what} "${argument}" in ${parameter} map -- need user@domain`;
}

function onEnvelope(
  name: string,
  faultOf: (finding: Finding) => string | null,
  change: (transaction: Transaction, argument: string) => void,
): Action {
  return (finding, checked) => {
    const fault = faultOf(finding);
    if (fault !== null) return warned(finding, checked, fault);
    change(checked.transaction, finding.argument);
    logAction(checked, name, finding, finding.argument);
    return keep(finding);
  };
}

function onText(name: string, change: (finding: Finding) => Effect): Action {
  return (finding, checked) => {
    const fault = textFault(finding);
    if (fault !== null) return warned(finding, checked, fault);
    logAction(checked, name, finding, finding.argument);
    return change(finding);
  };
}

function warn({ log, transaction: { queueId } }: Checked, message: string): void {
  log.warn({ queueId }, message);
}

function warned(finding: Finding, checked: Checked, message: string): Effect {
  warn(checked, message);
  return keep(finding);
}

/** `here`: how a message that no client sent is named. */
export const originOf = (connection: Connection | null, here = 'local'): string =>
  connection === null ? here : `${connection.remote.name}[${connection.remote.ip}]`;

/** `from=<> to=<> proto=ESMTP helo=<>`; of several recipients the one that is meant, or the last. */
export function envelopeWords(checked: Checked, meant: string | null = null): string {
  const { connection, transaction, envelope, logAddress } = checked;
  const recipient = meant ?? envelope.recipients.at(-1)?.address;
  return [
    `from=<${logAddress(transaction.reversePath)}>`,
    ...(recipient === undefined ? [] : [`to=<${logAddress(recipient)}>`]),
    ...(connection === null ? [] : [`proto=${connection.protocol}`]),
    ...(connection === null || connection.helo === null ? [] : [`helo=<${connection.helo}>`]),
  ].join(' ');
}

function logAction(
  checked: Checked,
  action: string,
  { where, text }: { readonly where: string; readonly text: string },
  argument: string,
): void {
  const { connection, transaction, log } = checked;
  const { queueId } = transaction;
  log.info(
    { queueId },
    `${queueId}: ${action}: ${where} ${quoteFor(text, MAX_QUOTED)} from ${originOf(connection)}; ${envelopeWords(checked)}${argument === '' ? '' : `: ${loggedText(argument)}`}`,
  );
}

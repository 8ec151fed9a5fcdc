/**
 * The right side of an access table (access(5), ACCEPT, REJECT and OTHER ACTIONS). An action that changes the message
 * is applied to the transaction and gives no opinion.
 */
import {
  DUNNO,
  type Outcome,
  type Question,
  rejectWith,
  type Server,
  type Subject,
  type Transaction,
} from '../../src/bus/plugin.ts';
import type { NumberName } from '../../src/lookup/parameters.ts';
import { splitTexts } from '../../src/lookup/split-list.ts';
import { headerLine } from '../../src/protocol/mime/header-line.ts';
import { misconfigured, refusal, refuse } from './refusal.ts';
import { logAction, logPermit } from './session.ts';

export interface AccessResult {
  readonly server: Server;
  readonly question: Question;
  readonly subject: Subject;
  /** The table and the matching key, for warnings. */
  readonly table: string;
  readonly key: string;
  /** What a permit from this table allows. */
  readonly permits: 'relay' | 'local' | 'never';
}

interface Action extends AccessResult {
  /** The action as it is written. */
  readonly word: string;
  /** The text after the action, trimmed. */
  readonly text: string;
}

const ACCESS_DENIED = 'Access denied';

/** `5.7.9 text` as its two parts; with the given code if the text does not start with one. */
function splitEnhanced(text: string, otherwise: string): { readonly enhanced: string; readonly text: string } {
  const match = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)/.exec(text);
  return match?.[1] === undefined
    ? { enhanced: otherwise, text }
    : { enhanced: match[1], text: text.slice(match[0].length) };
}

function refused(action: Action, parameter: NumberName, enhanced: string, words: string): ReturnType<typeof refusal> {
  const said = splitEnhanced(action.text, enhanced);
  return refusal(
    action.question.connection.parameters.number(parameter),
    said.enhanced,
    action.subject,
    said.text === '' ? words : said.text,
  );
}

function permit(action: Action): Outcome {
  if (action.permits !== 'never') {
    tellPermit(action);
    return { kind: 'permit', relay: action.permits === 'relay' ? 'list' : 'no' };
  }
  action.server.log.warn(
    { session: action.question.connection.id },
    `${action.table}: OK for ${action.key} is not allowed here for security reasons; use DUNNO to make an exception`,
  );
  return misconfigured;
}

const tellPermit = ({ server, question, subject, word, table }: Action): void =>
  logPermit(server, { ...question, subject }, word, `from ${table}`);

const warn = (action: AccessResult, what: string): void =>
  action.server.log.warn(
    { session: action.question.connection.id },
    `access table ${action.table} entry "${action.key.slice(0, 200)}" ${what}`,
  );

/** Only the server behind a filter before the queue could do what the action says. */
function isUnavailable({ server, question: { connection }, table }: Action, name: string): boolean {
  if (name === 'PREPEND' || connection.parameters.string('smtpd_proxy_filter') === '') return false;
  server.log.warn(
    { session: connection.id },
    `access table ${table}: with smtpd_proxy_filter specified, action ${name} is unavailable`,
  );
  return true;
}

/**
 * An action on the transaction: logged, then no opinion. Requires a transaction and, if `wanted` is given, a text of
 * that form.
 */
function onMessage(
  name: string,
  change: (transaction: Transaction, text: string) => void,
  wanted?: { readonly form: Pick<RegExp, 'test'>; readonly words: string },
) {
  return (action: Action): Outcome => {
    const { transaction } = action.question.connection;
    if (wanted !== undefined && !wanted.form.test(action.text))
      warn(action, action.text === '' ? `has ${name} without a value` : `requires ${wanted.words}`);
    else if (transaction === null)
      warn(action, `has ${name}, which is ignored before MAIL FROM; set smtpd_delay_reject = yes`);
    else if (!isUnavailable(action, name)) {
      change(transaction, action.text);
      const words = wanted === undefined ? action.text || `triggers ${name} action` : `triggers ${name} ${action.text}`;
      logAction(
        action.server,
        action.question,
        name.toLowerCase(),
        `<${action.subject.name}>: ${action.subject.kind} ${words}`,
      );
    }
    return DUNNO;
  };
}

function onLog(name: string) {
  return (action: Action): Outcome => {
    logAction(
      action.server,
      action.question,
      name,
      `<${action.subject.name}>: ${action.subject.kind}${action.text === '' ? '' : `: ${action.text}`}`,
    );
    return DUNNO;
  };
}

/** A table's value may span several lines; the prepended text must be one line. */
const oneLine = (text: string): string => text.replace(/\s*[\r\n]\s*/g, ' ');

const ADDRESS = { form: /^\S+@[^\s@]+$/, words: 'a user@domain target' };

const setDiscard = onMessage('DISCARD', (transaction, text) => {
  transaction.discard = text || 'DISCARD action';
});

const ACTIONS: Readonly<Record<string, (action: Action) => Outcome>> = {
  OK: permit,
  RELAY: permit,
  DUNNO: () => DUNNO,
  REJECT: (action) => rejectWith(refused(action, 'access_map_reject_code', '5.7.1', ACCESS_DENIED)),
  DEFER: (action) => rejectWith(refused(action, 'access_map_defer_code', '4.7.1', ACCESS_DENIED)),
  DEFER_IF_PERMIT: (action) => ({
    kind: 'defer_if_permit',
    reply: refused(action, 'access_map_defer_code', '4.7.1', 'Service unavailable'),
  }),
  DEFER_IF_REJECT: (action) => ({
    kind: 'defer_if_reject',
    reply: refused(action, 'access_map_defer_code', '4.7.1', 'Service unavailable'),
  }),
  DISCARD: (action) => {
    setDiscard(action);
    // The message is discarded: nothing is left to decide, and nothing is relayed.
    const { transaction } = action.question.connection;
    if (transaction?.discard == null) return DUNNO;
    tellPermit(action);
    return { kind: 'permit', relay: 'no' };
  },
  HOLD: onMessage('HOLD', (transaction, text) => {
    transaction.hold = text || 'HOLD action';
  }),
  FILTER: onMessage(
    'FILTER',
    (transaction, text) => {
      transaction.filter = text;
    },
    { form: /^[^\s:]+:\S*$/, words: 'transport:destination' },
  ),
  REDIRECT: onMessage(
    'REDIRECT',
    (transaction, text) => {
      transaction.redirect = text;
    },
    ADDRESS,
  ),
  BCC: onMessage('BCC', (transaction, text) => transaction.bcc.push(text), ADDRESS),
  PREPEND: onMessage('PREPEND', (transaction, text) => transaction.prepend.push(oneLine(text)), {
    form: { test: (text) => /:[ \t]*\S/.test(text) && 'line' in headerLine(oneLine(text)) },
    words: 'header: text',
  }),
  INFO: onLog('info'),
  WARN: onLog('warn'),
};

/** The outcome of one table value. */
export function accessOutcome(value: string, result: AccessResult): Outcome {
  const [, word = '', text = ''] = /^\s*(\S*)\s*(.*?)\s*$/s.exec(value) ?? [];
  const act = ACTIONS[word.toUpperCase()];
  if (act !== undefined) return act({ ...result, word, text });
  if (/^\d+$/.test(word) && text === '') return permit({ ...result, word, text });
  if (/^[45]\d\d$/.test(word)) {
    const said = splitEnhanced(text, `${word.charAt(0)}.7.1`);
    return refuse(Number(word), said.enhanced, result.subject, said.text || ACCESS_DENIED);
  }
  if (value.includes(':')) {
    warn(result, 'names a lookup table; define a restriction class and name that instead');
    return misconfigured;
  }
  return { kind: 'evaluate', list: splitTexts(value), subject: result.subject, permits: result.permits };
}

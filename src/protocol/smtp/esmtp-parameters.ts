/**
 * The parameters of MAIL (SIZE RFC 1870, BODY RFC 6152, SMTPUTF8 RFC 6531, AUTH RFC 4954, RET and ENVID
 * RFC 3461) and of RCPT (NOTIFY and ORCPT RFC 3461). A parameter is a row of a table; each is checked
 * here, refused in Postfix's wording, and kept as the client wrote it if it is passed on.
 */
import type { Notify } from '../../mail/envelope.ts';
import { type Reply, reply } from '../../mail/status.ts';
import { type VerpRules, verpDelimiters } from '../../mail/verp.ts';
import { ownValue } from '../../own-value.ts';
import { endOfToken } from './path.ts';
import { SIZE_OVERFLOW, unsupportedOption } from './replies.ts';
import { decodeXtext } from './xtext.ts';

export interface MailParameters {
  /** 0 if not given. */
  size: number;
  body: '7BIT' | '8BITMIME';
  smtputf8: boolean;
  ret: '' | 'FULL' | 'HDRS';
  envid: string;
  /** AUTH as it was written; '' if not given. */
  auth: string;
  /** The delimiters of XVERP; '' if not given. */
  verp: string;
}

export interface RecipientParameters {
  notify: readonly Notify[];
  orcpt: string;
}

/** The enabled extensions: the parameters of one that EHLO did not offer are unsupported options. */
export interface OfferedParameters {
  readonly dsn: boolean;
  readonly smtputf8: boolean;
  /** Null: XVERP is not offered. */
  readonly verp?: VerpRules | null;
}

/**
 * Checks and stores one value; returns undefined if it is valid. `value` is '' for a keyword without a
 * value.
 */
type Row<P> = (parameters: P, value: string, option: string, offered: OfferedParameters) => Reply | undefined;

/** Keywords without a value. */
const BARE = new Set(['SMTPUTF8']);
/** With or without one. */
const EITHER = new Set(['XVERP']);

const bad = (name: string): Reply => reply(501, '5.5.4', `Bad ${name} parameter syntax`);
const badRecipient = (name: string): Reply => reply(501, '5.5.4', `Error: Bad ${name} parameter syntax`);
const DSN_DISABLED = reply(501, '5.7.1', 'DSN support is disabled');

const MAIL_ROWS: Readonly<Record<string, Row<MailParameters>>> = {
  SIZE(parameters, value) {
    if (!/^\d+$/.test(value)) return reply(501, '5.5.4', 'Bad message size syntax');
    parameters.size = Number(value);
    return Number.isSafeInteger(parameters.size) ? undefined : SIZE_OVERFLOW;
  },
  BODY(parameters, value, option) {
    const body = value.toUpperCase();
    if (body !== '7BIT' && body !== '8BITMIME') return unsupportedOption(option);
    parameters.body = body;
    return undefined;
  },
  SMTPUTF8(parameters) {
    parameters.smtputf8 = true;
    return undefined;
  },
  // The identity that another server asserts: nobody is trusted because of it (RFC 4954 section 5).
  AUTH(parameters, value) {
    if (decodeXtext(value.replace(/^<>$/, '')) === null) return bad('AUTH');
    parameters.auth = value;
    return undefined;
  },
  RET(parameters, value) {
    const ret = value.toUpperCase();
    if (parameters.ret !== '' || (ret !== 'FULL' && ret !== 'HDRS')) return bad('RET');
    parameters.ret = ret;
    return undefined;
  },
  ENVID(parameters, value) {
    if (parameters.envid !== '' || value === '' || !isPrintableXtext(value)) return bad('ENVID');
    parameters.envid = value;
    return undefined;
  },
  XVERP(parameters, value, option, { verp = null }) {
    if (verp === null) return unsupportedOption(option);
    const delimiters = option.includes('=') && value === '' ? null : verpDelimiters(value, verp);
    if (delimiters === null) return reply(501, '5.5.4', `Error: XVERP needs two characters from ${verp.filter}`);
    parameters.verp = delimiters;
    return undefined;
  },
};

const RECIPIENT_ROWS: Readonly<Record<string, Row<RecipientParameters>>> = {
  NOTIFY(parameters, value) {
    const words = [...new Set(value.toUpperCase().split(','))];
    const valid = words.every(isNotify) && (!words.includes('NEVER') || words.length === 1);
    if (parameters.notify.length > 0 || !valid) return badRecipient('NOTIFY');
    parameters.notify = words.filter(isNotify);
    return undefined;
  },
  ORCPT(parameters, value) {
    const [, type, address] = /^([A-Za-z0-9-]+);(.*)$/.exec(value) ?? [];
    const wellFormed =
      type !== undefined &&
      address !== undefined &&
      (type.toLowerCase() === 'utf-8' ? isUtf8Address(address) : isPrintableXtext(address));
    if (parameters.orcpt !== '' || !wellFormed) return badRecipient('ORCPT');
    parameters.orcpt = value;
    return undefined;
  },
};

const DSN_KEYWORDS = new Set(['RET', 'ENVID', 'NOTIFY', 'ORCPT']);

const isNotify = (word: string): word is Notify =>
  word === 'NEVER' || word === 'SUCCESS' || word === 'FAILURE' || word === 'DELAY';

function isPrintableXtext(value: string): boolean {
  const text = decodeXtext(value);
  return text !== null && /^[\x20-\x7e]*$/.test(text);
}

/** RFC 6533 section 3: printable, `\x{…}` for other characters; raw UTF-8 in an SMTPUTF8 transaction. */
const isUtf8Address = (value: string): boolean => !/[\x00-\x20\x7f-\x9f]/.test(value);

/** Parameters with their values, or the refusal. `rest` is the text after the path. */
export function parseMailParameters(rest: string, offered: OfferedParameters): MailParameters | Reply {
  return parse(
    rest,
    MAIL_ROWS,
    { size: 0, body: '7BIT', smtputf8: false, ret: '', envid: '', auth: '', verp: '' },
    offered,
  );
}

export function parseRecipientParameters(rest: string, offered: OfferedParameters): RecipientParameters | Reply {
  return parse(rest, RECIPIENT_ROWS, { notify: [], orcpt: '' }, offered);
}

/** Quotes and angle brackets hold white space together, to the end if they are never closed. */
function* options(rest: string): Generator<string> {
  const text = rest.trimEnd();
  for (let at = 0; at < text.length; ) {
    const end = endOfToken(text, at) ?? text.length;
    if (end > at) yield text.slice(at, end);
    at = Math.max(end, at + 1);
  }
}

function parse<P extends object>(
  rest: string,
  rows: Readonly<Record<string, Row<P>>>,
  parameters: P,
  offered: OfferedParameters,
): P | Reply {
  for (const option of options(rest)) {
    const equals = option.indexOf('=');
    const keyword = (equals < 0 ? option : option.slice(0, equals)).toUpperCase();
    const row = ownValue(rows, keyword);
    if (row === undefined || (keyword === 'SMTPUTF8' && !offered.smtputf8)) return unsupportedOption(option);
    if (!EITHER.has(keyword) && BARE.has(keyword) !== equals < 0) return unsupportedOption(option);
    if (DSN_KEYWORDS.has(keyword) && !offered.dsn) return DSN_DISABLED;
    const refusal = row(parameters, equals < 0 ? '' : option.slice(equals + 1), option, offered);
    if (refusal !== undefined) return refusal;
  }
  return parameters;
}

/** The right side of a table of checks (header_checks(5), ACTIONS). */
import { decodeHeaderText, encodeHeaderText } from '../../protocol/mime/header-text.ts';

/** A field or line, and what its table says about it. */
export interface Finding {
  readonly where: 'header' | 'body';
  /** As it came, latin1, LF between the lines of a field. */
  readonly text: string;
  /** The parameter that names the table. */
  readonly parameter: string;
  /** What the table says, as it says it. */
  readonly value: string;
  /** The action in capitals, and the text behind it. */
  readonly action: string;
  readonly argument: string;
}

/** What becomes of a field or line; texts in latin1. */
export interface Effect {
  /** Null: it is taken out. */
  readonly text: string | null;
  /** What stands before it. */
  readonly before?: string;
  /** Nothing that follows in the message is looked at. */
  readonly isLast?: true;
}

export type Act = (finding: Finding) => Effect;

export const keep = ({ text }: Finding): Effect => ({ text });
export const drop = (): Effect => ({ text: null });

export function parseAction(value: string): Pick<Finding, 'value' | 'action' | 'argument'> {
  const [, action = '', argument = ''] = /^(\S*)\s*([\s\S]*)$/.exec(value) ?? [];
  return { value, action: action.toUpperCase(), argument };
}

const FIELD = /^[!-9;-~]+[ \t]*:/;
/** Octets that are not UTF-8. */
const LONE = /[\udc80-\udcff]/gu;
const octets = (text: string): string => encodeHeaderText(text).toString('latin1');

/** The actions with a text that becomes a part of the message: what is wrong with it, or null. */
export function textFault({ action, argument, parameter, where }: Finding): string | null {
  if (argument === '') return `${action} action without text in ${parameter} map`;
  if (where === 'body' || FIELD.test(argument)) return null;
  return `bad ${action} header text "${argument}" in ${parameter} map -- need "headername: headervalue"`;
}

export const prepend = ({ text, argument }: Finding): Effect => ({ text, before: octets(argument) });
export const replace = ({ argument }: Finding): Effect => ({ text: octets(argument) });

/** A table's text, or the beginning of a field or line, for a log line. */
export const loggedText = (text: string): string => text.replace(LONE, '?');
export const quoteFor = (text: string, longest: number): string => loggedText(decodeHeaderText(text.slice(0, longest)));

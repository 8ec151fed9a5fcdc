/**
 * The tables that look at what a message says (header_checks(5)): `header_checks`, `mime_header_checks`,
 * `nested_header_checks`, `body_checks`, or their `smtp_` and `lmtp_` forms for mail that leaves.
 */
import type { ListName, ParameterReader } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { decodeHeaderText } from '../../protocol/mime/header-text.ts';
import type { HeaderKind, MimeFault, MimeReaderOptions } from '../../protocol/mime/mime-reader.ts';

/** What a table is asked about. */
export type Subject = HeaderKind | 'body';

export interface Rule {
  readonly parameter: string;
  readonly tables: readonly LookupTable[];
}

export interface ContentRules {
  readonly rules: Readonly<Record<Subject, Rule>>;
  readonly reading: MimeReaderOptions;
  /** header_size_limit */
  readonly fieldLimit: number;
  /** Nothing is looked at: such messages cost nothing. */
  readonly isEmpty: boolean;
}

/** Which parameters name the tables: for mail that comes in, and for mail that leaves by SMTP or LMTP. */
const PARAMETERS = {
  receiving: {
    primary: 'header_checks',
    mime: 'mime_header_checks',
    nested: 'nested_header_checks',
    body: 'body_checks',
  },
  smtp: {
    primary: 'smtp_header_checks',
    mime: 'smtp_mime_header_checks',
    nested: 'smtp_nested_header_checks',
    body: 'smtp_body_checks',
  },
  lmtp: {
    primary: 'lmtp_header_checks',
    mime: 'lmtp_mime_header_checks',
    nested: 'lmtp_nested_header_checks',
    body: 'lmtp_body_checks',
  },
} as const satisfies Readonly<Record<string, Readonly<Record<Subject, ListName>>>>;

/** Throws for a table that cannot be opened. */
export function readContentRules(
  when: keyof typeof PARAMETERS,
  parameters: ParameterReader,
  tables: Tables,
  reports: ReadonlySet<MimeFault> = new Set(),
): ContentRules {
  const rule = (subject: Subject): Rule => {
    const parameter = PARAMETERS[when][subject];
    return { parameter, tables: parameters.list(parameter).map((table) => tables.open(table)) };
  };
  const rules = { primary: rule('primary'), mime: rule('mime'), nested: rule('nested'), body: rule('body') };
  // Outgoing mail is looked at to its end.
  const bodyLimit = when === 'receiving' ? parameters.number('body_checks_size_limit') : 0;
  const fieldLimit = parameters.number('header_size_limit');
  const isEmpty = Object.values(rules).every((one) => one.tables.length === 0) && reports.size === 0;
  return {
    rules,
    isEmpty,
    fieldLimit,
    reading: {
      fieldLimit,
      lineLimit: parameters.number('line_length_limit'),
      boundaryLimit: parameters.number('mime_boundary_length_limit'),
      parts: !isEmpty && (when !== 'receiving' || !parameters.boolean('disable_mime_input_processing')),
      lines: rules.body.tables.length === 0 ? 0 : bodyLimit === 0 ? Number.POSITIVE_INFINITY : bodyLimit,
      reports,
    },
  };
}

/** The same limits, and nothing that is looked at. */
export function withoutChecks({ rules, reading, fieldLimit }: ContentRules): ContentRules {
  const none = (subject: Subject): Rule => ({ ...rules[subject], tables: [] });
  return {
    rules: { primary: none('primary'), mime: none('mime'), nested: none('nested'), body: none('body') },
    reading: { ...reading, parts: false, lines: 0, reports: new Set() },
    fieldLimit,
    isEmpty: true,
  };
}

/** A table cannot say now: the message has to come again. */
export class CheckUnavailable extends Error {
  override readonly name = 'CheckUnavailable';
  readonly parameter: string;
  constructor(parameter: string, cause: unknown) {
    super(`${parameter} map lookup problem`, { cause });
    this.parameter = parameter;
  }
}

/**
 * What the first table that has it says about a field or line, given as latin1; undefined if none does. A promise only
 * if a table answers with one. Throws and rejects with CheckUnavailable.
 */
export function findAction(
  { parameter, tables }: Rule,
  text: string,
): string | undefined | Promise<string | undefined> {
  if (text === '' || tables.length === 0) return undefined;
  const key = decodeHeaderText(text);
  const ask = (from: number): string | undefined | Promise<string | undefined> => {
    for (let i = from; i < tables.length; i += 1) {
      const table = tables[i] as LookupTable;
      const found = table.get(table.wholeKeyOnly ? key : key.toLowerCase());
      if (found instanceof Promise) return found.then((value) => value ?? ask(i + 1));
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const unavailable = (error: unknown): never => {
    throw new CheckUnavailable(parameter, error);
  };
  try {
    const answer = ask(0);
    return answer instanceof Promise ? answer.catch(unavailable) : answer;
  } catch (error) {
    return unavailable(error);
  }
}

/**
 * bounce_template_file: the texts of notifications (bounce(5)). Postfix ignores a template with an error, and says so when
 * the first bounce is sent; here the start fails, so that no notification says something else than was written.
 *
 * A file is read as octets: its charset is what each template declares.
 */
import {
  type BounceTemplate,
  type BounceTemplates,
  TEMPLATE_NAMES,
  type TemplateName,
} from '../../mail/bounce-template.ts';
import { ownValue } from '../../own-value.ts';
import type { Fault } from '../fault.ts';
import { BUILT_IN_TEMPLATES } from './built-in-templates.ts';
import { expand, MacroError } from './macro.ts';
import type { MainParameters } from './parameters-reader.ts';

const HEADERS = ['Charset', 'From', 'Subject', 'Postmaster-Subject'] as const;
type Header = (typeof HEADERS)[number];

/** A template before its `$name`s are replaced. */
export interface WrittenTemplate {
  readonly name: TemplateName;
  /** '' for none. */
  readonly headers: Readonly<Record<Header, string>>;
  /** Octets as characters. */
  readonly text: string;
  /** Where the text begins. */
  readonly line: number;
}

type Written = ReadonlyMap<TemplateName, WrittenTemplate>;

/** Of each name the template in these octets of a file, or the built-in one. */
export function readTemplates(
  octets: string,
  file: string,
): { readonly templates: readonly WrittenTemplate[]; readonly faults: readonly Fault[] } {
  const builtIn = parse(BUILT_IN_TEMPLATES, '', new Map()).templates;
  const { templates, faults } = parse(octets, file, builtIn);
  return { templates: TEMPLATE_NAMES.flatMap((name) => templates.get(name) ?? builtIn.get(name) ?? []), faults };
}

/** Faults are those of `$name`s. */
export function expandTemplates(
  written: readonly WrittenTemplate[],
  file: string,
  parameters: MainParameters,
): { readonly templates: BounceTemplates; readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const expanded = written.map(({ name, headers, text, line }): [TemplateName, BounceTemplate] => {
    const lines = text.split('\n').map((one, i) => {
      try {
        return expand(one, (asked) => namedValue(asked, parameters));
      } catch (error) {
        if (!(error instanceof MacroError)) throw error;
        faults.push({ file, line: line + i, parameter: `${name}_template`, message: error.message });
        return '';
      }
    });
    const { Charset: charset, From: from, Subject: subject, 'Postmaster-Subject': postmasterSubject } = headers;
    return [name, { charset, from, subject, postmasterSubject, text: Buffer.from(lines.join('\n'), 'latin1') }];
  });
  return { templates: Object.fromEntries(expanded) as BounceTemplates, faults };
}

const SECONDS: Readonly<Record<string, number>> = {
  seconds: 1,
  minutes: 60,
  hours: 3600,
  days: 86_400,
  weeks: 604_800,
};

function namedValue(name: string, parameters: MainParameters): string {
  const [, time, unit = ''] = /^(delay_warning_time|maximal_queue_lifetime)_(.*)$/.exec(name) ?? [];
  if (time === 'delay_warning_time' || time === 'maximal_queue_lifetime') {
    const seconds = ownValue(SECONDS, unit);
    if (seconds === undefined)
      throw new MacroError(`$${name}: expected ${time}_ and ${Object.keys(SECONDS).join(', ')}`);
    return String(Math.floor(parameters.time(time) / 1000 / seconds));
  }
  const value = parameters.raw(name);
  if (value === undefined) throw new MacroError(`$${name}: no parameter has this name; a dollar sign is written $$`);
  return value;
}

function parse(
  octets: string,
  file: string,
  defaults: Written,
): { readonly templates: Written; readonly faults: readonly Fault[] } {
  const templates = new Map<TemplateName, WrittenTemplate>();
  const faults: Fault[] = [];
  const fault: Report = (line, message) => faults.push({ file, line, message });
  const lines = octets.replaceAll('\r\n', '\n').split('\n');
  for (let i = 0; i < lines.length; i += 1) {
    const text = lines[i] ?? '';
    if (/^\s*$|^#/.test(text)) continue;
    const [, word, mark] = /^([\w-]+)[ \t]*=[ \t]*<<[ \t]*(\S+)\s*$/.exec(text) ?? [];
    if (word === undefined || mark === undefined) {
      fault(i + 1, `expected NAME_template = <<EOF, with the template and a line "EOF" below it: ${shown(text)}`);
      // What follows has no place.
      break;
    }
    const end = lines.indexOf(mark, i + 1);
    if (end < 0) {
      fault(i + 1, `${word}: there is no line ${shown(mark)} that ends it`);
      break;
    }
    const name = TEMPLATE_NAMES.find((known) => `${known}_template` === word);
    if (name === undefined)
      fault(i + 1, `${word}: expected one of ${TEMPLATE_NAMES.map((known) => `${known}_template`).join(', ')}`);
    else if (templates.has(name)) fault(i + 1, `${word} is in this file twice`);
    else templates.set(name, parseTemplate(name, lines.slice(i + 1, end), i + 2, defaults, fault));
    i = end;
  }
  return { templates, faults };
}

type Report = (line: number, message: string) => void;

/** `first`: the number of the first line. */
function parseTemplate(
  name: TemplateName,
  lines: readonly string[],
  first: number,
  defaults: Written,
  fault: Report,
): WrittenTemplate {
  const none = { Charset: 'us-ascii', From: '', Subject: '', 'Postmaster-Subject': '' };
  const headers: Record<Header, string> = { ...none, ...defaults.get(name)?.headers, Charset: 'us-ascii' };
  let at = 0;
  for (; at < lines.length; at += 1) {
    const [, label, value = ''] = /^([!-9;-~]+)[ \t]*:(.*)$/.exec(lines[at] ?? '') ?? [];
    if (label === undefined) break;
    const known = HEADERS.find((header) => header.toLowerCase() === label.toLowerCase());
    const problem =
      known === undefined
        ? `expected one of ${HEADERS.join(', ')}, or an empty line before the text`
        : headerProblem(known, value.trim());
    if (problem !== undefined) fault(first + at, `${shown(label)}: ${problem}`);
    else if (known !== undefined) headers[known] = value.trim();
  }
  if (at > 0 && /^[ \t]+\S/.test(lines[at] ?? '')) fault(first + at, 'a header must not continue on another line');
  if (/^\s*$/.test(lines[at] ?? '')) at += 1;
  const text = lines.slice(at);
  const octet = text.findIndex((line) => !/^[\0-\x7f]*$/.test(line));
  if (octet >= 0 && headers.Charset.toLowerCase() === 'us-ascii')
    fault(first + at + octet, 'the text is not ASCII: name its charset in a header Charset:');
  return { name, headers, text: text.map((line) => `${line}\n`).join(''), line: first + at };
}

function headerProblem(header: Header, value: string): string | undefined {
  if (value === '') return 'the value is missing';
  if (!/^[\t -~]*$/.test(value)) return 'expected ASCII characters only';
  return header !== 'Charset' || /^[\w.+:-]{1,60}$/.test(value) ? undefined : `${shown(value)} is no name of a charset`;
}

const shown = (text: string): string => `"${text.replace(/[^ -~]/g, '?').slice(0, 60)}"`;

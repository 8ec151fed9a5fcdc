/**
 * main.cf (postconf(5)): `name = value` on logical lines; the last setting wins.
 *
 * The parser keeps the file line of every setting and reports all errors; it does not know the names. Requirement P1.
 */
import { type LogicalLine, lineAt, logicalLines } from '../../lookup/logical-lines.ts';
import { encodingFaults, readable } from '../encoding.ts';
import type { Fault } from '../fault.ts';

export interface Setting {
  readonly name: string;
  /** As written, trimmed, continuation lines joined, not expanded. */
  readonly value: string;
  readonly file: string;
  readonly line: number;
  /** The file line of the character at `offset` of `value`. */
  lineOf(offset: number): number;
}

export interface MainCfFault extends Fault {
  /** Postfix stops at such a line too; at others it warns, skips the line and goes on. */
  readonly unreadable: boolean;
}

export interface MainCf {
  readonly settings: ReadonlyMap<string, Setting>;
  readonly faults: readonly MainCfFault[];
  /** Settings overridden by a later one. */
  readonly warnings: readonly Fault[];
}

const MAX_SIZE = 4_000_000;
const NAME = /^[A-Za-z0-9_-]+$/;

/** `file` is only used in messages. Never throws. */
export function parseMainCf(text: string, file: string): MainCf {
  const settings = new Map<string, Setting>();
  const warnings: Fault[] = [];
  if (text.length > MAX_SIZE)
    return {
      settings,
      faults: [{ file, line: 0, message: `longer than ${MAX_SIZE} characters`, unreadable: true }],
      warnings,
    };
  const faults: MainCfFault[] = encodingFaults(text, file).map((fault) => ({ ...fault, unreadable: false }));
  for (const logical of logicalLines(readable(text))) {
    const read = parseAssignment(logical.text);
    if (typeof read === 'string') {
      faults.push({ file, line: logical.line, message: read, unreadable: !/^\s/.test(logical.text) });
      continue;
    }
    const setting = settingOf(read, logical, file);
    const earlier = settings.get(setting.name);
    if (earlier !== undefined && earlier.value !== setting.value) {
      warnings.push({
        file,
        line: setting.line,
        parameter: setting.name,
        message: `overrides the earlier setting of line ${earlier.line}`,
      });
    }
    settings.set(setting.name, setting);
  }
  return { settings, faults, warnings };
}

export interface Assignment {
  readonly name: string;
  readonly value: string;
  /** The offset of the value in the text. */
  readonly offset: number;
}

/** `name = value` (as in main.cf and `postconf -e`), or what is wrong with it. */
export function parseAssignment(text: string): Assignment | string {
  if (/^\s/.test(text))
    return 'the first line begins with white space: it would continue a line before it, and there is none';
  const equals = text.indexOf('=');
  const name = (equals < 0 ? text : text.slice(0, equals)).trim();
  if (equals < 0) return `missing "=" after "${name.slice(0, 60)}": expected "name = value"`;
  if (name === '') return 'missing name before "=": expected "name = value"';
  if (!NAME.test(name)) return `"${name.slice(0, 60)}" is not a parameter name: expected letters, digits and "_"`;
  const value = text.slice(equals + 1);
  return { name, value: value.trim(), offset: equals + 1 + (value.length - value.trimStart().length) };
}

function settingOf(read: Assignment, logical: LogicalLine, file: string): Setting {
  return {
    name: read.name,
    value: read.value,
    file,
    line: logical.line,
    lineOf: (offset) => lineAt(logical, read.offset + offset),
  };
}

/**
 * master.cf (master(5)): which services run, and what they override. Requirement P3.
 *
 * Rows of smtpd on an internet socket are ours. Rows of Postfix's other daemons are accepted: their
 * work is done by this process itself. `postscreen` before an `smtpd pass` row is that smtpd.
 */
import { type LogicalLine, lineAt, logicalLines } from '../../lookup/logical-lines.ts';
import { type PortNames, portOf } from '../../lookup/ports.ts';
import { groupContent } from '../../lookup/split-list.ts';
import { encodingFaults, readable } from '../encoding.ts';
import type { Fault } from '../fault.ts';
import { parseAssignment } from './main-cf.ts';

/** A row of master.cf. */
export interface MasterRow {
  readonly service: string;
  readonly type: string;
  /** smtpd, pickup, cleanup … */
  readonly command: string;
  /** The maxproc column: a number, or undefined for `-` (default_process_limit). */
  readonly maxProcesses: number | undefined;
  readonly overrides: readonly Override[];
  /** The arguments behind the options, as written. */
  readonly words: readonly string[];
  readonly file: string;
  readonly line: number;
}

export interface Override {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

const TYPES = new Set(['inet', 'unix', 'fifo', 'unix-dgram', 'pass']);
const COLUMNS = 8;

/** Never throws. */
export function parseMasterCf(
  text: string,
  file: string,
): { readonly rows: readonly MasterRow[]; readonly faults: readonly Fault[] } {
  const rows: MasterRow[] = [];
  const faults: Fault[] = encodingFaults(text, file);
  for (const logical of logicalLines(readable(text))) {
    const row = parseRow(logical, file, faults);
    if (row !== undefined) rows.push(row);
  }
  return { rows, faults };
}

interface Word {
  readonly text: string;
  readonly offset: number;
}

/** Words divided by white space; `{ … }` is one word. */
function words(text: string): Word[] {
  const found: Word[] = [];
  let start = -1;
  let depth = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const character = text.charAt(at);
    const ends = at === text.length || (depth === 0 && /\s/.test(character));
    if (ends && start >= 0) {
      found.push({ text: text.slice(start, at), offset: start });
      start = -1;
    } else if (!ends && start < 0) start = at;
    if (character === '{') depth += 1;
    else if (character === '}' && depth > 0) depth -= 1;
  }
  return found;
}

/** The words of an entry as written. */
export const splitMasterLine = (text: string): string[] => words(text).map((word) => word.text);

function parseRow(logical: LogicalLine, file: string, faults: Fault[]): MasterRow | undefined {
  const fault = (line: number, message: string): undefined => void faults.push({ file, line, message });
  const [service, type, , , , , maxproc, command, ...rest] = words(logical.text);
  if (/^\s/.test(logical.text))
    return fault(
      logical.line,
      'the first line begins with white space: it would continue a line before it, and there is none',
    );
  if (service === undefined || type === undefined || maxproc === undefined || command === undefined) {
    return fault(
      logical.line,
      `expected ${COLUMNS} columns: service type private unpriv chroot wakeup maxproc command`,
    );
  }
  if (!TYPES.has(type.text))
    return fault(logical.line, `service type "${type.text.slice(0, 40)}": expected one of ${[...TYPES].join(', ')}`);
  if (!/^(?:-|\d{1,6})$/.test(maxproc.text))
    return fault(logical.line, `maxproc "${maxproc.text.slice(0, 40)}": expected a number or "-"`);
  const complain = (line: number, message: string): void => fault(line, `service ${service.text}: ${message}`);
  return {
    service: service.text,
    type: type.text,
    command: command.text,
    maxProcesses: maxproc.text === '-' ? undefined : Number(maxproc.text),
    overrides: parseOverrides(
      WITH_ARGUMENTS.has(command.text) ? rest : withoutRemarks(rest, logical, complain),
      logical,
      complain,
    ),
    words: argumentsIn(rest),
    file,
    line: logical.line,
  };
}

/** Daemons whose arguments are a command with arguments of its own. */
const WITH_ARGUMENTS = new Set(['pipe', 'spawn']);

/** The arguments without those behind a `#` on the same line, each such remark a fault. */
function withoutRemarks(
  options: readonly Word[],
  logical: LogicalLine,
  fault: (line: number, message: string) => void,
): Word[] {
  const remarked = new Set<number>();
  return options.filter(({ text, offset }) => {
    const line = lineAt(logical, offset);
    if (text.startsWith('#') && !remarked.has(line)) {
      remarked.add(line);
      fault(line, `"${text.slice(0, 40)}": a comment needs its own line: here it is read as an argument`);
    }
    return !remarked.has(line);
  });
}

/** Behind the last option. */
function argumentsIn(rest: readonly Word[]): string[] {
  let at = 0;
  while (rest[at]?.text.startsWith('-') === true) at += rest[at]?.text === '-o' ? 2 : 1;
  return rest.slice(at).map(({ text }) => text);
}

/** `-o name=value`, `-oname=value` and `-o { name = value }`; `-v` and other options are the daemons' own. */
function parseOverrides(
  options: readonly Word[],
  logical: LogicalLine,
  fault: (line: number, message: string) => void,
): Override[] {
  const overrides: Override[] = [];
  for (let i = 0; i < options.length; i += 1) {
    const option = options[i];
    // Options of a program that the row starts are the program's.
    if (option === undefined || !option.text.startsWith('-')) break;
    if (!option.text.startsWith('-o')) continue;
    const line = lineAt(logical, option.offset);
    const attached = option.text.slice(2);
    if (attached === '') i += 1;
    const text = attached === '' ? options[i]?.text : attached;
    const assignment =
      text === undefined ? 'a "name=value" is missing after "-o"' : parseAssignment(groupContent(text) ?? text);
    if (typeof assignment === 'string') fault(line, assignment);
    else overrides.push({ name: assignment.name, value: assignment.value, line });
  }
  return overrides;
}

/**
 * Where an inet service listens: `address` is undefined for those of inet_interfaces. Or what is wrong with the name.
 */
export function parseEndpoint(
  service: string,
  ports: PortNames,
): { readonly address: string | undefined; readonly port: number } | string {
  const match = /^(?:(?:\[([^\]]*)\]|([^[\]]*)):)?([^:]+)$/.exec(service);
  const portName = match?.[3] ?? '';
  const port = portOf(portName, ports);
  if (match === null || port === undefined)
    return `service "${service.slice(0, 80)}": expected a port, its name, address:port or [address]:port`;
  const address = match[1] ?? match[2];
  return { address: address === '' ? undefined : address, port };
}

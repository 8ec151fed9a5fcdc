/** Output of commands: a table for people, JSON for programs. */
import type { ConfigurationError } from '../config/fault.ts';

/** Exit codes of sysexits.h: a faulty configuration; what may work later. */
export const EX_CONFIG = 78;
export const EX_TEMPFAIL = 75;

/** Columns as wide as their widest cell, two spaces between them, and a line under the head. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column] ?? ''))));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((columns) => '-'.repeat(columns)).join('  '), ...rows.map(line)].join('\n');
}

/** A text after its label, in lines of at most `room` terminal columns. Words are not broken. */
export function labelled(label: string, text: string, room: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && width(label) + width(longer) > room) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return label + [...lines, line].join(`\n${' '.repeat(width(label))}`);
}

/** Whether every line fits the output; files and pipes accept any length. */
export const fits = (text: string, room: number): boolean => text.split('\n').every((line) => width(line) <= room);

/** Terminal columns of standard output; infinite if it is not a terminal. */
export const terminalWidth = (): number =>
  process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;

/** Terminal columns of a text (CJK characters take two). */
function width(text: string): number {
  let columns = 0;
  for (const character of text)
    columns += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
      character,
    )
      ? 2
      : 1;
  return columns;
}

/** What a server listens on; a UNIX socket has port 0. */
export const listenerTable = (
  listeners: readonly { service: string; address: string; port: number; tls: string }[],
): string =>
  table(
    ['service', 'address', 'port', 'TLS'],
    listeners.map(({ service, address, port, tls }) => [service, address, port === 0 ? '' : String(port), tls]),
  );

/** A path as a word of a shell command. */
export const shellWord = (path: string): string =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** `1 message`, `2 messages`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

export const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2));

/** Prints every error of a configuration to standard error, and the consequence for the command. */
export function printFaults(
  error: ConfigurationError,
  { json, meaning }: { readonly json: boolean; readonly meaning: string },
): void {
  const count = error.faults.length === 1 ? 'a fault' : `${error.faults.length} faults`;
  console.error(
    json
      ? JSON.stringify({ faults: error.faults }, null, 2)
      : `The configuration has ${count}; ${meaning}.\n${error.message}`,
  );
}

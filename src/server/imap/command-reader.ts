/**
 * Gathers one command: its lines and small literals (RFC 9051 section 4.3, RFC 7888).
 *
 * Guarantees: a command that is unknown, not allowed or too long is refused before its literals are requested, with its
 * tag if that can be read; no memory is allocated for an announced size. `CommandInput.finish` skips what a refused
 * command leaves in the input.
 */

import { InputTooLongError } from '../../net/connection.ts';
import { Scanner } from '../../protocol/imap/scanner.ts';
import { ImapSyntaxError } from '../../protocol/imap/syntax-error.ts';
import type { CommandRow } from './command.ts';
import type { CommandInput } from './input.ts';
import type { ImapLimits } from './options.ts';

export type Received =
  | { readonly kind: 'end' }
  /** `tag` is `*` if it is not known. */
  | { readonly kind: 'refused'; readonly tag: string; readonly text: string; readonly code: string }
  | {
      readonly kind: 'command';
      readonly tag: string;
      readonly row: CommandRow;
      /** Positioned right after the name. */
      readonly scanner: Scanner;
    };

/** The row for a command's name, or the reason why it is not allowed now. */
export type Lookup = (name: string) => CommandRow | string;

const MAX_LITERALS = 100;

const refuse = (tag: string, text: string, code = ''): Received => ({ kind: 'refused', tag, text, code });

/** `askFor` lets the client send the literal it is waiting to send. */
export async function receiveCommand(
  input: CommandInput,
  limits: ImapLimits,
  lookup: Lookup,
  askFor: () => void,
): Promise<Received> {
  let tag: string | null = null;
  try {
    const first = await input.readLine(limits.command);
    if (first === null) return { kind: 'end' };
    const scanner = new Scanner(first);
    const head = readHead(scanner, lookup);
    tag = head.tag;
    const { row } = head;
    if (typeof row === 'string') return refuse(tag, row);
    let text = first;
    for (let count = 1; input.announced !== null; count += 1) {
      if (row.takesMessage?.(new Scanner(text, scanner.position)) === true) break;
      const { size, sync } = input.announced;
      const room = Math.max(0, Math.min(limits.literal, limits.command - text.length));
      if (size > room) return refuse(tag, `Literal is too large: at most ${room} octets here.`, 'TOOBIG');
      if (count > MAX_LITERALS) return refuse(tag, 'Too many literals.', 'LIMIT');
      if (sync) askFor();
      const octets = await readAll(input);
      const next = octets === null ? null : await input.readLine(Math.max(0, limits.command - text.length));
      if (octets === null || next === null) return { kind: 'end' };
      text = `${text}\r\n${octets}${next}`;
    }
    return { kind: 'command', tag, row, scanner: new Scanner(text, scanner.position) };
  } catch (error) {
    if (!(error instanceof InputTooLongError)) throw error;
    return refuse(
      tag ?? readHead(new Scanner(error.start.toString('latin1')), lookup).tag,
      `Command line is longer than ${limits.command} octets.`,
    );
  }
}

/** Reads tag and name; a string instead of the row is the error. */
function readHead(scanner: Scanner, lookup: Lookup): { readonly tag: string; readonly row: CommandRow | string } {
  let tag = '*';
  try {
    tag = scanner.tag();
    scanner.space();
    let name = scanner.keyword('a command');
    if (name === 'UID') {
      scanner.space();
      name = `UID ${scanner.keyword('a command')}`;
    }
    return { tag, row: lookup(name) };
  } catch (error) {
    if (error instanceof ImapSyntaxError) return { tag, row: `${error.message}.` };
    throw error;
  }
}

async function readAll(input: CommandInput): Promise<string | null> {
  const pieces: Buffer[] = [];
  for await (const piece of input.readLiteral()) pieces.push(piece);
  return input.complete ? Buffer.concat(pieces).toString('latin1') : null;
}

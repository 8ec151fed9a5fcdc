/**
 * Gathers one command from the connection: its lines and small literals (RFC 9051 section 4.3, RFC 7888).
 *
 * Guarantees: a command that is unknown, not allowed or too long is refused before its literals are
 * asked for; an announced size is never trusted with memory; octets of a refused non-synchronizing
 * literal are never taken for commands.
 */

import { InputTooLongError, type LineConnection } from '../../net/connection.ts';
import { type LiteralHead, literalAtEnd, Scanner } from '../../protocol/imap/scanner.ts';
import { ImapSyntaxError } from '../../protocol/imap/syntax-error.ts';
import type { CommandRow } from './command.ts';
import type { ImapLimits } from './options.ts';

export type Received =
  | { readonly kind: 'end' }
  /** `lost`: what follows cannot be told from commands, the session must end. `tag` is `*` where it is not known. */
  | { readonly kind: 'refused'; readonly tag: string; readonly text: string; readonly code: string; readonly lost: boolean }
  | {
      readonly kind: 'command';
      readonly tag: string;
      readonly row: CommandRow;
      /** Right behind the name. */
      readonly scanner: Scanner;
      /** The literal that the command's act reads itself. */
      readonly message: LiteralHead | null;
    };

/** The row of a command's name, or why it cannot be now. */
export type Lookup = (name: string) => CommandRow | string;

const MAX_LITERALS = 100;

/** Octets of refused literals that are read and dropped to go on with what follows. */
export const DROP_LIMIT = 64 * 1024 * 1024;

const refuse = (tag: string, text: string, code = '', lost = false): Received => ({ kind: 'refused', tag, text, code, lost });

export async function receiveCommand(connection: LineConnection, limits: ImapLimits, lookup: Lookup): Promise<Received> {
  try {
    return await receive(connection, limits, lookup);
  } catch (error) {
    if (error instanceof InputTooLongError) return refuse('*', `Command line is longer than ${limits.command} octets.`);
    throw error;
  }
}

async function receive(connection: LineConnection, limits: ImapLimits, lookup: Lookup): Promise<Received> {
  const first = await connection.readLine(limits.command);
  if (first === null) return { kind: 'end' };
  let line = first.toString('latin1');
  let text = line;
  const scanner = new Scanner(line);
  const head = readHead(scanner, lookup);
  let literal = literalAtEnd(line);
  if (typeof head.row === 'string')
    return literal === null || literal.sync ? refuse(head.tag, head.row) : await refuseLiteral(connection, limits, head.tag, head.row, literal);
  const { tag, row } = head;
  for (let count = 1; literal !== null; count += 1) {
    if (row.takesMessage?.(new Scanner(text, scanner.position)) === true) break;
    const room = Math.min(limits.literal, limits.command - text.length);
    if (literal.size > room || count > MAX_LITERALS) {
      const why = literal.size > room ? `Literal is too large: at most ${Math.max(0, room)} octets here.` : 'Too many literals.';
      return refuse(tag, why, literal.size > room ? 'TOOBIG' : 'LIMIT', !literal.sync);
    }
    if (literal.sync) connection.write('+ OK\r\n');
    const octets = await readAll(connection, literal.size);
    const next = octets === null ? null : await connection.readLine(Math.max(0, limits.command - text.length));
    if (octets === null || next === null) return { kind: 'end' };
    line = next.toString('latin1');
    text = `${text}\r\n${octets}${line}`;
    literal = literalAtEnd(line);
  }
  return { kind: 'command', tag, row, scanner: new Scanner(text, scanner.position), message: literal };
}

/** Tag and name; a text instead of the row says what is wrong. */
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

/** The client sends the literal of a refused command whatever we say: it is read and dropped where it is small. */
async function refuseLiteral(connection: LineConnection, limits: ImapLimits, tag: string, text: string, first: LiteralHead): Promise<Received> {
  let literal: LiteralHead | null = first;
  for (let budget = DROP_LIMIT; literal !== null && !literal.sync; ) {
    budget -= literal.size;
    if (budget < 0) return refuse(tag, text, '', true);
    const line = await dropLiteral(connection, literal.size, limits.command);
    if (line === null) return { kind: 'end' };
    budget -= line.length + 1;
    literal = literalAtEnd(line);
  }
  return refuse(tag, text);
}

/** Reads past a literal and the line after it, whatever that is; null where the peer went away. */
export async function dropLiteral(connection: LineConnection, size: number, lineLimit: number): Promise<string | null> {
  let left = size;
  for await (const piece of connection.readBytes(size)) left -= piece.length;
  if (left > 0) return null;
  try {
    return (await connection.readLine(lineLimit))?.toString('latin1') ?? null;
  } catch (error) {
    if (error instanceof InputTooLongError) return '';
    throw error;
  }
}

async function readAll(connection: LineConnection, size: number): Promise<string | null> {
  const pieces: Buffer[] = [];
  let left = size;
  for await (const piece of connection.readBytes(size)) {
    pieces.push(piece);
    left -= piece.length;
  }
  return left === 0 ? Buffer.concat(pieces).toString('latin1') : null;
}

/** What a milter answers (libmilter/mfdef.h, SMFIR_). Everything in it is hostile: what is malformed is an error. */
import type { Packet } from './packet.ts';

type PlainKind = 'continue' | 'accept' | 'reject' | 'tempfail' | 'discard' | 'skip' | 'progress' | 'shutdown';

export type Answer =
  | { readonly kind: PlainKind }
  /** As given: `550 5.7.1 text`, perhaps of several lines. */
  | { readonly kind: 'reply'; readonly text: string }
  | Change
  /** One that has no meaning for an MTA; `name` for the log. */
  | { readonly kind: 'unknown'; readonly name: string };

/** What a milter does to a message, at its end only. Values of header fields are octets as latin1. */
export type Change =
  | { readonly kind: 'add-header'; readonly name: string; readonly value: string }
  /** `index`: 0 is before everything. */
  | { readonly kind: 'insert-header'; readonly index: number; readonly name: string; readonly value: string }
  /** The `index`th of this name, from 1; an empty value deletes it. */
  | { readonly kind: 'change-header'; readonly index: number; readonly name: string; readonly value: string }
  | { readonly kind: 'replace-body'; readonly octets: Buffer }
  /** `parameters`: of ESMTP, divided by blanks. */
  | { readonly kind: 'add-recipient'; readonly address: string; readonly parameters: string }
  | { readonly kind: 'delete-recipient'; readonly address: string }
  | { readonly kind: 'change-sender'; readonly address: string; readonly parameters: string }
  | { readonly kind: 'quarantine'; readonly reason: string };

export class MilterAnswerError extends Error {
  override readonly name = 'MilterAnswerError';
}

type Parse = (data: Buffer) => Answer;

const plain = (kind: PlainKind): Parse => {
  const answer: Answer = { kind };
  return () => answer;
};

/** The texts in it, each ended by NUL. */
function texts(data: Buffer, encoding: 'utf8' | 'latin1', least: number, most: number): readonly string[] {
  const found = data.length === 0 ? [] : data.toString(encoding).split('\0');
  if (found.pop() !== '' || found.length < least || found.length > most) throw new MilterAnswerError('malformed data');
  return found;
}

function field(data: Buffer): { readonly name: string; readonly value: string } {
  const [name = '', value = ''] = texts(data, 'latin1', 2, 2);
  if (!/^[!-9;-~]{1,998}$/.test(name)) throw new MilterAnswerError(`bad header name "${name.slice(0, 100)}"`);
  return { name, value };
}

function indexed(data: Buffer): { readonly index: number; readonly name: string; readonly value: string } {
  if (data.length < 4) throw new MilterAnswerError('malformed data');
  return { index: data.readUInt32BE(), ...field(data.subarray(4)) };
}

function address(data: Buffer): { readonly address: string; readonly parameters: string } {
  const [given = '', parameters = ''] = texts(data, 'utf8', 1, 2);
  return { address: given, parameters };
}

const ROWS: Readonly<Record<string, readonly [name: string, parse: Parse]>> = {
  '+': ['SMFIR_ADDRCPT', (data) => ({ kind: 'add-recipient', address: address(data).address, parameters: '' })],
  '-': ['SMFIR_DELRCPT', (data) => ({ kind: 'delete-recipient', address: address(data).address })],
  2: ['SMFIR_ADDRCPT_PAR', (data) => ({ kind: 'add-recipient', ...address(data) })],
  4: ['SMFIR_SHUTDOWN', plain('shutdown')],
  a: ['SMFIR_ACCEPT', plain('accept')],
  b: ['SMFIR_REPLBODY', (octets) => ({ kind: 'replace-body', octets })],
  c: ['SMFIR_CONTINUE', plain('continue')],
  d: ['SMFIR_DISCARD', plain('discard')],
  e: ['SMFIR_CHGFROM', (data) => ({ kind: 'change-sender', ...address(data) })],
  f: ['SMFIR_CONN_FAIL', () => ({ kind: 'unknown', name: 'SMFIR_CONN_FAIL' })],
  h: ['SMFIR_ADDHEADER', (data) => ({ kind: 'add-header', ...field(data) })],
  i: ['SMFIR_INSHEADER', (data) => ({ kind: 'insert-header', ...indexed(data) })],
  m: ['SMFIR_CHGHEADER', (data) => ({ kind: 'change-header', ...indexed(data) })],
  p: ['SMFIR_PROGRESS', plain('progress')],
  q: ['SMFIR_QUARANTINE', (data) => ({ kind: 'quarantine', reason: texts(data, 'utf8', 1, 1)[0] ?? '' })],
  r: ['SMFIR_REJECT', plain('reject')],
  s: ['SMFIR_SKIP', plain('skip')],
  t: ['SMFIR_TEMPFAIL', plain('tempfail')],
  y: ['SMFIR_REPLYCODE', (data) => ({ kind: 'reply', text: texts(data, 'utf8', 1, 1)[0] ?? '' })],
};

const rowOf = (letter: string): (typeof ROWS)[string] | undefined =>
  Object.hasOwn(ROWS, letter) ? ROWS[letter] : undefined;

/** The name of an answer in log lines. */
export const answerName = (letter: string): string => rowOf(letter)?.[0] ?? '(unknown filter reply)';

/** Throws MilterAnswerError. */
export const parseAnswer = ({ letter, data }: Packet): Answer =>
  rowOf(letter)?.[1](data) ?? { kind: 'unknown', name: '(unknown filter reply)' };

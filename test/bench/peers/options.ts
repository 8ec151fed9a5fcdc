/** `[ROW…] [--messages N] [--rounds N] [--seconds N] [--calm N]` of both commands. */
import { parseArgs } from 'node:util';
import type { PeerRow } from './row.ts';
import { deliverRows } from './rows/deliver.ts';
import { dnsRows } from './rows/dns.ts';
import { latencyRows } from './rows/latency.ts';
import { readRows } from './rows/read.ts';
import { writeRows } from './rows/write.ts';

const ROWS: readonly PeerRow[] = [...readRows, ...latencyRows, ...writeRows, ...deliverRows, ...dnsRows];

export interface PeerOptions {
  readonly rows: readonly PeerRow[];
  /** Messages in the reader's INBOX. */
  readonly messages: number;
  /** How often each side is measured. */
  readonly rounds: number;
  /** How long the load of a row runs each time. */
  readonly seconds: number;
  /** From the end of a load to the measurement of the remaining memory, in s. */
  readonly calm: number;
}

/** A full name selects that row only, a prefix all rows that start with it. */
const chooses = (word: string, name: string): boolean =>
  ROWS.some((row) => row.name === word) ? name === word : name.startsWith(word);

/** Throws if there is no such row. */
export function readOptions(defaults: Omit<PeerOptions, 'rows'>): PeerOptions {
  const option = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { messages: option, rounds: option, seconds: option, calm: option },
  });
  const rows = ROWS.filter(({ name }) => positionals.length === 0 || positionals.some((word) => chooses(word, name)));
  if (rows.length === 0)
    throw new Error(
      `no row begins with ${positionals.join(' or ')}; there are: ${ROWS.map(({ name }) => name).join(', ')}`,
    );
  const number = (name: keyof typeof values): number => Number(values[name] ?? defaults[name]);
  return {
    rows,
    messages: number('messages'),
    rounds: number('rounds'),
    seconds: number('seconds'),
    calm: number('calm'),
  };
}

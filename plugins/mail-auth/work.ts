/** What a piece of work for the thread is, and what it asks meanwhile. */
import type { Beginning } from '../pool/octets.ts';
import type { DnsAnswer, DnsQuestion } from './questions.ts';
import type { Method } from './results.ts';

export interface Work extends Beginning {
  readonly checks: readonly Method[];
  /** The client's address. */
  readonly ip: string;
  /** What it said in HELO or EHLO; '' for nothing. */
  readonly helo: string;
  /** The reverse-path; '' is the null one. */
  readonly sender: string;
  /** Our name, for SPF's macros. */
  readonly receiver: string;
  /** Octets of the message. */
  readonly size: number;
  /** ms since 1970. */
  readonly now: number;
  readonly sealers: readonly string[];
  /** How organizational domains are found. */
  readonly organization: 'walk' | 'list';
  /** From 0 to 99: for `pct` of a DMARC record. */
  readonly sample: number;
  /** The most that SPF may take, ms. */
  readonly patience: number;
}

/** A DNS question, or null for the next octets of the message. */
export type Question = DnsQuestion | null;
export type Answer = DnsAnswer | Uint8Array | null;

/** As Node's `dns.resolve`, with its errors' codes: what mailauth asks. */
export type Resolve = (name: string, type: string) => Promise<string[][] | string[]>;

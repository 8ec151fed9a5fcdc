/** What the processes of a storm say, a line of JSON each, and how messages are named in it. */
import { Buffer } from 'node:buffer';
import { CHUNK_SIZE } from '../../../src/store/content.ts';

/** A message of one recipient: QUEUEID/NUMBER; a copy of it has the same name. */
export type Name = string;
/** Mailbox and UID. */
export type Place = string;

export const placeOf = (mailbox: unknown, uid: number): Place => `${String(mailbox)} ${uid}`;
export const mailboxOf = (place: Place): string => place.slice(0, place.indexOf(' '));
export const queueIdOf = (name: Name): string => name.slice(0, name.indexOf('/'));

/** The header line that carries the name, and back. */
export const prefixOf = (name: Name): string => `X-Name: ${name}\r\n`;
export const nameIn = (prefix: string): Name => prefix.slice('X-Name: '.length, -2);

/** Every tenth message is long. */
export function octetsOf(queueId: string): Buffer {
  const number = Number(queueId.slice(queueId.lastIndexOf('-') + 1));
  return Buffer.alloc(number % 10 === 7 ? CHUNK_SIZE * 2 + number : 500 + (number % 100), `${queueId} `);
}

/** Messages that an operation is about, as it found them before. */
export type Seen = readonly (readonly [Place, Name])[];

export type Begun =
  | {
      readonly kind: 'accept';
      readonly queueId: string;
      readonly names: readonly Name[];
      readonly flags: readonly string[];
      /** Recipients. */
      readonly items: readonly string[];
    }
  | { readonly kind: 'deliver'; readonly name: Name }
  | { readonly kind: 'flags'; readonly seen: Seen }
  | { readonly kind: 'expunge'; readonly seen: Seen }
  | { readonly kind: 'copy' | 'move'; readonly seen: Seen; readonly target: string }
  | { readonly kind: 'claim' }
  /** Items: QUEUEID/RECIPIENT. */
  | { readonly kind: 'settle'; readonly items: readonly string[]; readonly outcome: 'done' | 'deferred' | 'released' }
  | { readonly kind: 'create'; readonly name: string }
  | { readonly kind: 'remove'; readonly name: string; readonly mailbox: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly mailbox: string };

/** What became of it. */
export interface Answer {
  /** Where messages are now: of accept and deliver in the order of the names, of copy and move by the place before. */
  readonly places?: readonly Place[];
  readonly pairs?: readonly (readonly [Place, Place])[];
  readonly gone?: readonly Place[];
  readonly states?: readonly (readonly [Place, number, readonly string[]])[];
  readonly items?: readonly string[];
  readonly mailbox?: string;
}

export type Line = {
  /** Nanoseconds of the machine's monotonic clock. */
  readonly at: number;
  readonly process: string;
  readonly op: number;
} & (
  | { readonly begun: Begun }
  | { readonly done: Answer }
  /** `refused`: it is certain that nothing was changed. */
  | { readonly failed: string; readonly refused: boolean }
);

/** What a child is told to work on. */
export interface Scene {
  readonly uri: string;
  readonly accounts: readonly string[];
  /** Two of each account. */
  readonly mailboxes: readonly string[];
  /** Between which many messages are moved. */
  readonly large: readonly [string, string];
  readonly hurry: number;
}

/** A file of members: an address in each line; empty lines and those that begin with # are left out. */
import { createHash } from 'node:crypto';
import type { Address } from '../../src/mail/address.ts';

export interface Imported {
  readonly addresses: readonly Address[];
  /** Numbers of the lines that are no address. */
  readonly faults: readonly number[];
  readonly hash: string;
}

const ADDRESS = /^[^\s<>@\0]{1,64}@[^\s<>@\0]{1,255}$/;
/** Faults that are told. */
const MOST_FAULTS = 20;

export function importedAddresses(text: string): Imported {
  const lines = text.split('\n').map((line, at) => ({ text: line.trim(), number: at + 1 }));
  const used = lines.filter((line) => line.text !== '' && !line.text.startsWith('#'));
  return {
    addresses: used.filter((line) => ADDRESS.test(line.text)).map((line) => line.text),
    faults: used
      .filter((line) => !ADDRESS.test(line.text))
      .map(({ number }) => number)
      .slice(0, MOST_FAULTS),
    hash: createHash('sha256').update(text).digest('hex'),
  };
}

/** Validates `transaction.prepend`: only header fields from plugins are kept. */
import { headerLine } from '../protocol/mime/header-line.ts';
import { transactionOf } from './transaction-of.ts';

/** Maximum number of lines prepended to one message. */
const MOST_LINES = 1_000;
/** Maximum number of errors reported per check. */
const MOST_FAULTS = 10;

/** Keeps only complete header fields in the list, folded with CRLF. Returns the errors in those left out. */
export function keepHeaderLines(prepend: unknown[]): string[] {
  const faults: string[] = [];
  const kept: string[] = [];
  for (const given of prepend) {
    const read = kept.length < MOST_LINES ? headerLine(given) : { fault: `more than ${MOST_LINES} lines` };
    if ('line' in read) kept.push(read.line);
    else if (faults.length < MOST_FAULTS) faults.push(read.fault);
  }
  if (kept.length < prepend.length || kept.some((line, at) => line !== prepend[at]))
    prepend.splice(0, prepend.length, ...kept);
  return faults;
}

/** The same for the transaction in a hook's argument. */
export function dropFaultyPrepends(argument: object): string[] {
  const prepend = transactionOf<WithPrepend>(argument)?.prepend;
  return prepend === undefined || prepend.length === 0 ? [] : keepHeaderLines(prepend);
}

interface WithPrepend {
  readonly prepend?: unknown[];
}

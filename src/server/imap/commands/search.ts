/** SEARCH and UID SEARCH (RFC 9051 section 6.4.4) with RETURN (RFC 4731) and MODSEQ (RFC 7162 section 3.1.5). */
import { formatString } from '../../../protocol/imap/format.ts';
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import { parseSearch, type SearchKey } from '../../../protocol/imap/search.ts';
import { formatSet } from '../../../protocol/imap/sequence-set.ts';
import type { Command } from '../command.ts';
import { type Completion, ok } from '../completion.ts';
import { type Found, findMessages } from '../find-messages.ts';
import type { Naming } from '../selected-mailbox.ts';
import type { Selected } from '../state.ts';

type ReturnOption = 'MIN' | 'MAX' | 'COUNT' | 'ALL';
const RETURNS: readonly string[] = ['MIN', 'MAX', 'COUNT', 'ALL'] satisfies ReturnOption[];

/** Null: the response is SEARCH, not ESEARCH. */
function parseReturn(scanner: Scanner): ReadonlySet<string> | null {
  if (scanner.text.slice(scanner.position, scanner.position + 7).toUpperCase() !== 'RETURN ') return null;
  scanner.keyword();
  scanner.space();
  const names = scanner.list(
    () => {
      const name = scanner.keyword('a return option');
      return RETURNS.includes(name) ? name : scanner.fail(`Unknown return option ${name.slice(0, 40)}`);
    },
    { empty: true },
  );
  scanner.space();
  return new Set(names.length === 0 ? ['ALL'] : names);
}

const asksModseq = (key: SearchKey): boolean =>
  key.kind === 'modseq' ||
  (key.kind === 'not' && asksModseq(key.key)) ||
  ((key.kind === 'and' || key.kind === 'or') && key.keys.some(asksModseq));

/** The MODSEQ for the messages whose numbers are returned (RFC 7162 section 3.1.5). */
function esearchModseq(wanted: ReadonlySet<string>, { first, last, highest }: Found['modseqs']): number {
  if (wanted.has('ALL') || wanted.has('COUNT')) return highest;
  return Math.max(wanted.has('MIN') ? first : 0, wanted.has('MAX') ? last : 0);
}

function esearch(
  tag: string,
  naming: Naming,
  wanted: ReadonlySet<string>,
  numbers: readonly number[],
  modseq: number,
): string {
  const items: string[] = [];
  const [first] = numbers;
  const last = numbers.at(-1);
  if (first !== undefined && last !== undefined) {
    if (wanted.has('MIN')) items.push(` MIN ${first}`);
    if (wanted.has('MAX')) items.push(` MAX ${last}`);
    if (wanted.has('ALL')) items.push(` ALL ${formatSet(numbers)}`);
  }
  if (wanted.has('COUNT')) items.push(` COUNT ${numbers.length}`);
  if (modseq > 0) items.push(` MODSEQ ${modseq}`);
  return `* ESEARCH (TAG ${formatString(tag)})${naming === 'uid' ? ' UID' : ''}${items.join('')}\r\n`;
}

export const search =
  (naming: Naming): Command<Selected> =>
  (scanner) => {
    scanner.space();
    const wanted = parseReturn(scanner);
    const key = parseSearch(scanner);
    const modseq = asksModseq(key);
    return async (session, { mailbox }): Promise<Completion> => {
      if (modseq) session.condstore = true;
      const found = await findMessages(session, mailbox, key, modseq);
      const numbers = naming === 'uid' ? found.uids : found.uids.map((uid) => mailbox.uids.indexOf(uid) + 1);
      const { modseqs } = found;
      if (wanted !== null) session.write(esearch(session.tag, naming, wanted, numbers, esearchModseq(wanted, modseqs)));
      else
        session.write(
          `* SEARCH${numbers.length === 0 ? '' : ` ${numbers.join(' ')}`}${modseqs.highest === 0 ? '' : ` (MODSEQ ${modseqs.highest})`}\r\n`,
        );
      return ok('Search completed.', found.expunged ? 'EXPUNGEISSUED' : '');
    };
  };

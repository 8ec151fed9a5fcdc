/** Keywords of a mailbox: compared case-insensitively, kept as first written, limited in number. */
import { MailboxError } from '../../../mailboxes.ts';
import { MAX_KEYWORDS, type Writing } from './writing.ts';

/** The given keywords in the mailbox's own spelling, without duplicates; adds new ones to the mailbox. */
export function canonicalKeywords(w: Writing, mailbox: number, keywords: readonly string[]): string[] {
  const names: string[] = [];
  for (const keyword of keywords) {
    const folded = keyword.toLowerCase();
    const known = w.db.get<{ name: string }>(
      'SELECT name FROM keyword WHERE mailbox = ? AND folded = ?',
      mailbox,
      folded,
    );
    if (known === undefined) {
      if (keyword === '' || keyword.length > 100 || keyword.includes(' '))
        throw new MailboxError('cannot', 'not a keyword');
      const count = w.db.get<{ n: number }>('SELECT count(*) AS n FROM keyword WHERE mailbox = ?', mailbox)?.n ?? 0;
      if (count >= MAX_KEYWORDS) throw new MailboxError('limit', `a mailbox has at most ${MAX_KEYWORDS} keywords`);
      w.db.run('INSERT INTO keyword VALUES (?, ?, ?)', mailbox, folded, keyword);
    }
    const name = known?.name ?? keyword;
    if (!names.includes(name)) names.push(name);
  }
  return names;
}

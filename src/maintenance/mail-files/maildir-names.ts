/** Folders of a Maildir++ for the mailboxes of an account. */
import { HIERARCHY_SEPARATOR } from '../../mail/mailbox.ts';
import { encodeMailboxName } from '../../protocol/imap/modified-utf7.ts';

/** Octets; file systems allow 255. */
const LONGEST = 240;

export interface MaildirName {
  /** In modified UTF-7; none has a dot, a slash, or octets that are not printed. */
  readonly levels: readonly string[];
  /** Below the Maildir; '' for INBOX. */
  readonly folder: string;
  /** The name is another one there. */
  readonly isChanged: boolean;
}

/** By mailbox name. A dot separates levels there, so a dot of a name becomes `_`. */
export function maildirNames(names: readonly string[]): ReadonlyMap<string, MaildirName> {
  const found = new Map<string, MaildirName>();
  const taken = new Set<string>();
  for (const name of names) {
    if (name === 'INBOX') {
      found.set(name, { levels: ['INBOX'], folder: '', isChanged: false });
      continue;
    }
    const plain = name.split(HIERARCHY_SEPARATOR).map(encodeMailboxName);
    const folderOf = (levels: readonly string[]): string => `.${levels.join('.')}`;
    let levels = plain.map((level) => level.replaceAll('.', '_'));
    if (folderOf(levels).length > LONGEST) levels = [folderOf(levels).slice(1, LONGEST).replaceAll(/[.&]/g, '_')];
    const wanted = levels.at(-1) ?? '';
    for (let n = 2; taken.has(folderOf(levels)); n += 1) levels = [...levels.slice(0, -1), `${wanted}_${n}`];
    taken.add(folderOf(levels));
    found.set(name, { levels, folder: folderOf(levels), isChanged: levels.join('/') !== plain.join('/') });
  }
  return found;
}

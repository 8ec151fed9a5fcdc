/** Dovecot's list of subscribed mailboxes. */
import { decodeMailboxName } from '../../protocol/imap/modified-utf7.ts';

/** Names as here, in the order of the file. `separator`: of names in its first version. */
export function parseSubscriptions(text: string, separator: string): string[] {
  const second = text.startsWith('V\t2\n');
  const lines = text.split('\n').slice(second ? 2 : 0);
  return lines.flatMap((line) => {
    const levels = line === '' ? [] : line.split(second ? '\t' : separator);
    const name = ownName(levels);
    return name === null ? [] : [name];
  });
}

/** A name from levels in modified UTF-7; null if it cannot be one here. */
export function ownName(levels: readonly string[]): string | null {
  const decoded = levels.map((level) => decodeMailboxName(level));
  if (
    decoded.length === 0 ||
    !decoded.every((level) => level !== null && level !== '' && !/[/\x00-\x1f\x7f]/.test(level))
  )
    return null;
  const name = decoded.join('/');
  return name.replace(/^inbox(?=\/|$)/i, 'INBOX');
}

/** Items of STATUS and of LIST … RETURN (STATUS (…)): RFC 9051 section 6.3.11, RFC 7162, RFC 3501 for RECENT. */
import type { Mailbox, MailboxStatus } from '../../mail/mailbox.ts';
import { formatMailbox } from '../../protocol/imap/mailbox-name.ts';
import type { Scanner } from '../../protocol/imap/scanner.ts';
import type { Mailboxes } from '../../store/mailboxes.ts';
import { recentMessages } from './recent.ts';

const ITEMS: ReadonlyMap<string, (status: MailboxStatus) => number> = new Map([
  ['MESSAGES', (status) => status.messages],
  ['RECENT', (status) => status.recent],
  ['UIDNEXT', (status) => status.uidNext],
  ['UIDVALIDITY', (status) => status.uidValidity],
  ['UNSEEN', (status) => status.unseen],
  ['DELETED', (status) => status.deleted],
  ['SIZE', (status) => status.size],
  ['HIGHESTMODSEQ', (status) => status.highestModseq],
]);

export function parseStatusItems(scanner: Scanner): readonly string[] {
  const names = scanner.list(() => {
    const name = scanner.keyword('a status item');
    return ITEMS.has(name) ? name : scanner.fail(`Unknown status item ${name.slice(0, 40)}`);
  });
  return [...new Set(names)];
}

/** The untagged STATUS response. */
export async function statusResponse(
  mailboxes: Mailboxes,
  mailbox: Mailbox,
  items: readonly string[],
): Promise<string> {
  if (items.includes('RECENT')) await recentMessages(mailboxes).save(mailbox.id);
  const status = await mailboxes.status(mailbox.id);
  const values = items.map((item) => `${item} ${ITEMS.get(item)?.(status) ?? 0}`);
  return `* STATUS ${formatMailbox(status.name)} (${values.join(' ')})\r\n`;
}

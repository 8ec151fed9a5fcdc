/** LSUB (RFC 3501 section 6.3.9): subscribed names; with `%` also their superiors, as \Noselect. */
import { HIERARCHY_SEPARATOR } from '../../../mail/mailbox.ts';
import { compilePattern } from '../../../protocol/imap/list-pattern.ts';
import { formatMailbox, patternFromWire } from '../../../protocol/imap/mailbox-name.ts';
import type { Command } from '../command.ts';
import { ok } from '../completion.ts';
import { readTree } from '../mailbox-tree.ts';
import type { Authenticated, Selected } from '../state.ts';

export const lsub: Command<Authenticated | Selected> = (scanner) => {
  scanner.space();
  const reference = patternFromWire(scanner.astring());
  scanner.space();
  const pattern = patternFromWire(scanner.listMailbox());
  scanner.end();
  return async (session, { account }) => {
    if (reference === null || pattern === null) return ok('Lsub completed.');
    const matches = compilePattern(reference + pattern);
    for (const { name, subscribed, subscribedBelow } of await readTree(session.services.store.mailboxes, account.id)) {
      if (!(subscribed || (subscribedBelow && pattern.endsWith('%'))) || !matches(name)) continue;
      session.write(`* LSUB (${subscribed ? '' : '\\Noselect'}) "${HIERARCHY_SEPARATOR}" ${formatMailbox(name)}\r\n`);
    }
    return ok('Lsub completed.');
  };
};

/** SUBSCRIBE and UNSUBSCRIBE (RFC 9051 sections 6.3.7 and 6.3.8). */
import { parseMailbox } from '../../../protocol/imap/mailbox-name.ts';
import type { Command } from '../command.ts';
import { noMailbox, ok } from '../completion.ts';
import type { Authenticated, Selected } from '../state.ts';

export const subscribe =
  (subscribed: boolean): Command<Authenticated | Selected> =>
  (scanner) => {
    scanner.space();
    const name = parseMailbox(scanner);
    scanner.end();
    return async (session, { account }) => {
      const { mailboxes } = session.services.store;
      if (subscribed && (await mailboxes.find(account.id, name)) === null) return noMailbox(name);
      await mailboxes.subscribe(account.id, name, subscribed);
      return ok(subscribed ? 'Subscribe completed.' : 'Unsubscribe completed.');
    };
  };

/** CREATE (RFC 9051 section 6.3.4) with USE (RFC 6154). */
import { HIERARCHY_SEPARATOR, type SpecialUse } from '../../../mail/mailbox.ts';
import { parseMailbox } from '../../../protocol/imap/mailbox-name.ts';
import type { Command } from '../command.ts';
import { no, ok } from '../completion.ts';
import type { Authenticated, Selected } from '../state.ts';

const USES: ReadonlyMap<string, SpecialUse> = new Map(
  (['\\Sent', '\\Drafts', '\\Junk', '\\Trash', '\\Archive', '\\Flagged', '\\All'] satisfies SpecialUse[]).map((use) => [
    use.toLowerCase(),
    use,
  ]),
);

export const create: Command<Authenticated | Selected> = (scanner) => {
  scanner.space();
  const given = parseMailbox(scanner);
  // A trailing separator only announces that inferiors will be created.
  const name = given.endsWith(HIERARCHY_SEPARATOR) ? given.slice(0, -1) : given;
  let uses: readonly string[] = [];
  if (scanner.accept(' (')) {
    if (scanner.keyword('a parameter') !== 'USE') scanner.fail('Unknown parameter');
    scanner.space();
    uses = scanner.list(
      () => {
        scanner.expect('\\');
        return `\\${scanner.atom()}`;
      },
      { empty: true },
    );
    scanner.expect(')');
  }
  scanner.end();
  return async (session, { account }) => {
    const [use, more] = uses;
    const specialUse = use === undefined ? '' : USES.get(use.toLowerCase());
    if (more !== undefined || specialUse === undefined)
      return no('A mailbox can have one special use, of those in RFC 6154.', 'USEATTR');
    await session.services.store.mailboxes.create(account.id, name, specialUse);
    return ok('Create completed.');
  };
};

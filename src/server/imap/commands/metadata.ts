/** GETMETADATA and SETMETADATA (RFC 5464) of the server; mailboxes have no annotations (METADATA-SERVER). */
import { forwardingLine, LONGEST_FORWARDING } from '../../../mail/forwarding.ts';
import { metadataResponse, parseGetMetadata, parseSetMetadata } from '../../../protocol/imap/metadata.ts';
import { annotationsOf, FORWARD } from '../annotations.ts';
import type { Command } from '../command.ts';
import { type Completion, no, ok } from '../completion.ts';
import type { Session } from '../session.ts';
import type { Authenticated, Selected } from '../state.ts';

const ONLY_SERVER = 'Mailboxes have no annotations here, only the server has (METADATA-SERVER).';
const GONE = no('The account no longer exists.');

export const getMetadata: Command<Authenticated | Selected> = (scanner) => {
  scanner.space();
  const { mailbox, entries, maxSize, depth } = parseGetMetadata(scanner);
  scanner.end();
  return async (session, state) => {
    if (mailbox !== '') return no(ONLY_SERVER);
    const { store, annotations } = session.services;
    const account = await store.directory.get(state.account.id);
    if (account === null) return GONE;
    const known = annotationsOf(annotations, account);
    const found = new Map<string, string | null>();
    for (const entry of entries) {
      if (depth === 0) found.set(entry, known.get(entry) ?? null);
      else
        for (const [name, value] of known) if (value !== null && isWithin(name, entry, depth)) found.set(name, value);
    }
    const sizes = [...found.values()].map((value) => value?.length ?? 0);
    const shown = [...found].filter(([, value]) => (value?.length ?? 0) <= maxSize);
    if (shown.length > 0) session.write(metadataResponse(shown));
    const longest = Math.max(0, ...sizes);
    return ok('Getmetadata completed.', longest > maxSize ? `METADATA LONGENTRIES ${longest}` : '');
  };
};

function isWithin(name: string, entry: string, depth: number): boolean {
  if (name === entry) return true;
  return name.startsWith(`${entry}/`) && name.slice(entry.length + 1).split('/').length <= depth;
}

export const setMetadata: Command<Authenticated | Selected> = (scanner) => {
  scanner.space();
  const { mailbox, values } = parseSetMetadata(scanner);
  scanner.end();
  return async (session, { account }) => {
    const isPrivate = [...values.keys()].some((name) => name.startsWith('/private'));
    if (mailbox !== '') return no(ONLY_SERVER, isPrivate ? 'METADATA NOPRIVATE' : '');
    const others = [...values.keys()].filter((name) => name !== FORWARD);
    if (others.length > 0)
      return no(
        others.some((name) => name.startsWith('/shared'))
          ? 'Only the administrator of the server sets its shared annotations.'
          : `No private annotation can be set here but ${FORWARD}.`,
      );
    const value = values.get(FORWARD) ?? null;
    if (value !== null && value.length > LONGEST_FORWARDING)
      return no('The value is too long.', `METADATA MAXSIZE ${LONGEST_FORWARDING}`);
    return setForwarding(session, account, value === null ? null : Buffer.from(value, 'latin1').toString('utf8'));
  };
};

/** `line`: null ends it. Whoever stole a password does this first: the log says so, and to whom. */
async function setForwarding(
  session: Session,
  { id }: Authenticated['account'],
  line: string | null,
): Promise<Completion> {
  const { store, annotations, sessionLog, hooks } = session.services;
  const { readForwarding } = annotations;
  if (readForwarding === null) return no('The administrator does not let users forward mail by IMAP.', 'NOPERM');
  const account = await store.directory.get(id);
  if (account === null) return GONE;
  const forwarding = line === null ? null : readForwarding(account.address, line);
  if (typeof forwarding === 'string') return no(printable(forwarding));
  await store.directory.update(id, { forwarding });
  const said = forwarding === null ? 'ended' : `set to ${printable(forwardingLine(account.address, forwarding))}`;
  sessionLog(session.login.user, session.connection.id).info(
    { session: session.connection.id, account: account.address, targets: forwarding?.targets ?? [] },
    `Forwarding ${said}`,
  );
  void hooks.run('account_changed', { address: account.address, change: 'forward' });
  return ok('Setmetadata completed.');
}

/** US-ASCII, as the text of a response has to be. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

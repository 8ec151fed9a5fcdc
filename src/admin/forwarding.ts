/**
 * Where an account's mail is forwarded, as `posthorn user forward` and a user's IMAP program set it: in the language of
 * a forwarding file (local(8)), of which only addresses and the account's own mailbox can be meant here.
 */
import { few } from '../few.ts';
import { delimitersOf } from '../lookup/delimiters.ts';
import { type Address, addressKey, localPart } from '../mail/address.ts';
import { type Forwarding, forwardingLine, LONGEST_FORWARDING, MOST_TARGETS } from '../mail/forwarding.ts';
import { type Member, parseMembers } from '../protocol/members.ts';
import { existing, unservedNote } from './accounts.ts';
import { aliasTarget } from './addresses.ts';
import { missingTargets } from './aliases.ts';
import { type AdminServices, type Operation, OperationError, texts } from './operation.ts';

/** How many addresses a note names. */
const NAMED = 3;

/**
 * One line of a forwarding file. `\name`, and the account's own name or address, are its mailbox: a copy is kept. A name
 * without a domain gets the default one. Throws OperationError with the reason.
 */
function readForwarding(services: Pick<AdminServices, 'defaultDomain'>, own: Address, line: string): Forwarding {
  const targets = new Map<string, Address>();
  let keep = false;
  for (const member of parseMembers(line)) {
    const target = targetOf(services, own, member);
    if (target === null) keep = true;
    else targets.set(addressKey(target), target);
  }
  const forwarding = { targets: [...targets.values()], keep };
  const reason = whyNot(own, forwarding);
  if (reason !== null) throw new OperationError(reason);
  return forwarding;
}

/** The same for those who want the reason as a text. */
export const forwardingReader =
  (services: Pick<AdminServices, 'defaultDomain'>) =>
  (own: Address, line: string): Forwarding | string => {
    try {
      return readForwarding(services, own, line);
    } catch (error) {
      if (error instanceof OperationError) return error.message;
      throw error;
    }
  };

function whyNot(own: Address, forwarding: Forwarding): string | null {
  const { targets } = forwarding;
  if (targets.length === 0) return `there is nobody to forward to but ${own} itself`;
  if (targets.length > MOST_TARGETS)
    return `${targets.length} addresses to forward to; there may be ${MOST_TARGETS} (an alias may have more)`;
  const octets = Buffer.byteLength(forwardingLine(own, forwarding));
  return octets > LONGEST_FORWARDING
    ? `the addresses to forward to have ${octets} octets; there may be ${LONGEST_FORWARDING}`
    : null;
}

/** Null: the account's own mailbox. */
function targetOf(services: Pick<AdminServices, 'defaultDomain'>, own: Address, member: Member): Address | null {
  if (member.kind !== 'address')
    throw new OperationError(
      `"${writtenOf(member)}": mail can be forwarded to addresses only; commands, files and :include: act with the rights of a user of the machine and belong into ~/.forward or alias_maps`,
    );
  const { address, final } = member;
  if (address.startsWith('@'))
    throw new OperationError(`"${address}" is a whole domain; mail can be forwarded to addresses only`);
  if (address.toLowerCase() === localPart(own)) return null;
  const target = aliasTarget(services, address);
  if (addressKey(target) === own) return null;
  if (final) throw new OperationError(`"\\${address}": a backslash means the mailbox of ${own} itself, to keep a copy`);
  return target;
}

const writtenOf = (member: Exclude<Member, { kind: 'address' }>): string =>
  member.kind === 'command'
    ? `|${member.command}`
    : member.kind === 'include'
      ? `:include:${member.path}`
      : member.path;

const setForwarding: Operation = async (services, given) => {
  const account = await existing(services, given);
  const { address: own } = account;
  const words = texts(given, 'targets');
  if (words.length === 0) {
    await services.store.directory.update(account.id, { forwarding: null });
    return { address: own, forwarding: null };
  }
  const read = readForwarding(services, own, words.join(','));
  if (read.keep && given['keep'] !== true)
    throw new OperationError(`${own} is the account itself; --keep keeps a copy in its mailbox`);
  const forwarding = { ...read, keep: given['keep'] === true };
  const note = await noteOn(services, own, forwarding);
  await services.store.directory.update(account.id, { forwarding });
  return { address: own, forwarding, ...note };
};

/** Refuses, as a new account is refused, where mail for the account can never arrive. */
async function noteOn(
  services: AdminServices,
  own: Address,
  { targets }: Forwarding,
): Promise<{ readonly note?: string }> {
  const unserved = await unservedNote(services, own.slice(own.lastIndexOf('@') + 1));
  if (unserved.note !== undefined) return unserved;
  const aliases = await services.store.directory.aliases();
  const missing = await missingTargets(services, targets, aliases, delimitersOf(services.parameters));
  return missing.length === 0 ? {} : { note: `no such account or alias yet: ${few(missing, NAMED)}` };
}

export const forwardingOperations: Readonly<Record<string, Operation>> = {
  /** Without targets, forwarding ends. */
  'user.forward': setForwarding,
};

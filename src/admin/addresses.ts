/**
 * Addresses as administrators enter them, and whether mail for them can arrive here: the same checks for accounts,
 * aliases and domains, from the command line and through the admin socket.
 *
 * The rules are those of our own SMTP server (protocol/smtp/path.ts, plugins/restrictions), of Postfix as a sender, and
 * of RFC 5321 sections 4.1.2 and 4.5.3.1. Domain names become A-labels (RFC 5890), the form they have in RCPT TO.
 */
import { domainToASCII } from 'node:url';
import { domainOf, localPart, qualify } from '../mail/address.ts';
import { parseDomain, parseMailbox } from '../protocol/smtp/mailbox.ts';
import { type AdminServices, OperationError } from './operation.ts';

/** RFC 5321 section 4.5.3.1.1, octets. */
const MAX_LOCAL = 64;
/** RFC 5321 section 4.5.3.1.3, without the angle brackets. */
const MAX_ADDRESS = 254;
const MAX_LABEL = 63;

/** A domain name in stored form: lower case, A-labels, no trailing dot. Throws OperationError with the reason. */
export function domainName(given: string): string {
  const bare = given.endsWith('.') ? given.slice(0, -1) : given;
  const name = /[^\x00-\x7f]/.test(bare) ? domainToASCII(bare) : bare.toLowerCase();
  const why = name === '' ? 'IDNA 2008 does not allow it' : whyNoName(name);
  if (why !== null) throw new OperationError(`"${given}" is not a domain name: ${why}`);
  return name;
}

function whyNoName(name: string): string | null {
  if (name.startsWith('[')) return 'it is an address literal';
  const labels = name.split('.');
  for (const label of labels) {
    if (label === '') return 'a label is empty (two dots, or a dot at its beginning)';
    if (label.length > MAX_LABEL) return `the label "${label.slice(0, 20)}…" is longer than ${MAX_LABEL} octets`;
    if (label.startsWith('-') || label.endsWith('-')) return `the label "${label}" begins or ends with "-"`;
    if (/[^a-z0-9_-]/.test(label))
      return `"${label.replace(/[a-z0-9_-]/g, '').charAt(0)}" is not allowed in a domain name`;
  }
  // Postfix (resolve_numeric_domain) treats such a name as an IP address without brackets.
  if (labels.every((label) => /^\d+$/.test(label)))
    return 'it consists of digits only, so other mail servers would take it for an IP address';
  return parseDomain(name, true) === null ? `it is too long for a domain name (${name.length} octets)` : null;
}

/** A local address in stored form. Throws OperationError if it could never receive mail. */
export function ownAddress({ defaultDomain, parameters }: AdminServices, given: string): string {
  const whole = qualify(given, defaultDomain);
  const at = whole.lastIndexOf('@');
  const local = whole.slice(0, at).toLowerCase();
  const why = whyNoLocalPart(local, parameters.boolean('allow_min_user'));
  if (why !== null) throw new OperationError(`"${given}" cannot get mail: ${why}`);
  const domain = whole.slice(at + 1);
  if (domain === '') throw new OperationError(`"${given}" is not an address; expected name@domain`);
  const address = `${local}@${domainName(domain)}`;
  if (Buffer.byteLength(address) > MAX_ADDRESS)
    throw new OperationError(`"${given}" cannot get mail: an address has at most ${MAX_ADDRESS} octets`);
  if (parseMailbox(address, true) !== address)
    throw new OperationError(`"${given}" is not an address; expected name@domain`);
  return address;
}

/** Why a user of that name could not receive mail. */
function whyNoLocalPart(local: string, allowMinus: boolean): string | null {
  if (local === '') return 'it has no name before its "@"';
  if (Buffer.byteLength(local) > MAX_LOCAL) return `the name before its "@" is longer than ${MAX_LOCAL} octets`;
  if (/[%!]/.test(local)) return '"%" and "!" in a name mean a route through this server, which is refused';
  if (local.startsWith('-') && !allowMinus) return 'Postfix refuses names that begin with "-" (allow_min_user)';
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..'))
    return 'dots are only allowed between other characters of the name';
  const odd = /[\s"(),:;<>@[\\\]\x00-\x20\x7f]/.exec(local)?.[0];
  return odd === undefined
    ? null
    : `${/\s/.test(odd) ? 'a space' : `"${odd}"`} in a name would need quotes, which few mail programs support`;
}

/** The key of an alias: an address, or `@domain` for a whole domain. */
export const aliasKey = (services: AdminServices, given: string): string =>
  given.startsWith('@') ? `@${domainName(given.slice(1))}` : ownAddress(services, given);

/** The target of an alias: any valid address, or `@domain` for the same name there. */
export function aliasTarget(services: Pick<AdminServices, 'defaultDomain'>, given: string): string {
  if (/^\\?[|/]/.test(given) || /^:include:/i.test(given))
    throw new OperationError(
      `"${given}": an alias made by command can only lead to addresses; put commands, files and :include: into alias_maps`,
    );
  if (given.startsWith('@')) return `@${domainName(given.slice(1))}`;
  const whole = qualify(given, services.defaultDomain);
  const address = whole.endsWith(']') ? whole : `${localPart(whole)}@${domainName(domainOf(whole))}`;
  const parsed = localPart(whole).startsWith('.') ? null : parseMailbox(address, true);
  if (parsed === null || /\s/.test(given))
    throw new OperationError(`"${given}" is not an address that mail can be sent to; expected name@domain`);
  return parsed;
}

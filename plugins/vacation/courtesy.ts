/** Who gets no automatic reply (RFC 3834 section 2, RFC 5230 sections 4.5 and 4.6). */
import { type Address, addressKey, localPart } from '../../src/mail/address.ts';
import { isGroup, parseAddressList } from '../../src/protocol/mime/address-list.ts';
import type { Header } from '../../src/protocol/mime/header.ts';

/** Programs, and addresses of lists. */
const PROGRAMS =
  /^(?:mailer-daemon|postmaster|listserv|majordomo|mdaemon|owner-.*|.*-owner|.*-request|.*-bounces?(?:[+=-].*)?|bounces?[+=-].*|no-?reply|do-?not-?reply|prvs=.*-bounces.*)$/i;
/** RFC 2919, RFC 2369; the rest is what other programs have in such mail. */
const OF_LISTS = /^(?:list-.*|x-loop|x-mailing-list|x-spam-flag)$/i;
const RECIPIENTS = ['To', 'Cc', 'Bcc', 'Resent-To', 'Resent-Cc', 'Resent-Bcc'];

/** Why a sender gets no reply; null: it may have one. */
export function reasonAgainst(sender: Address, header: Header, own: ReadonlySet<string>): string | null {
  if (sender === '' || !sender.includes('@')) return 'no sender';
  if (PROGRAMS.test(localPart(sender))) return 'a program';
  if (own.has(addressKey(sender))) return 'their own mail';
  const submitted = header.get('Auto-Submitted');
  if (submitted !== null && !/^no\b/i.test(submitted)) return 'automatic mail';
  if (/\b(?:all|oof|autoreply)\b/i.test(header.get('X-Auto-Response-Suppress') ?? '')) return 'automatic mail';
  if (/^(?:bulk|list|junk)$/i.test(header.get('Precedence') ?? '')) return 'bulk mail';
  const list = header.fields.find(({ name, value }) => OF_LISTS.test(name) && !/^\s*no\b/i.test(value));
  if (list !== undefined) return 'bulk mail';
  return isNamed(header, own) ? null : 'not addressed to them';
}

/** Blind copies, and mail of lists that do not say so, have somebody else there. */
const isNamed = (header: Header, own: ReadonlySet<string>): boolean =>
  RECIPIENTS.flatMap((name) => header.all(name))
    .flatMap(parseAddressList)
    .flatMap((entry) => (isGroup(entry) ? entry.members : [entry]))
    .some(({ local, domain }) => own.has(addressKey(`${local}@${domain}`)));

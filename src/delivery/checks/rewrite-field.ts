/** Replaces addresses in the header fields that have some (Postfix: header_opts(3)). */

import { standardAddress } from '../../mail/local-part.ts';
import { parseAddressField } from '../../protocol/mime/address-field.ts';
import { decodeHeaderText, encodeHeaderText } from '../../protocol/mime/header-text.ts';

/** Whose addresses a field has: of who sends, or of who receives. */
export type AddressClass = 'sender' | 'recipient';

const CLASSES: ReadonlyMap<string, AddressClass> = new Map([
  ...[
    'disposition-notification-to',
    'errors-to',
    'from',
    'mail-followup-to',
    'reply-to',
    'resent-from',
    'resent-reply-to',
    'resent-sender',
    'return-path',
    'return-receipt-to',
    'sender',
  ].map((name) => [name, 'sender'] as const),
  ...['apparently-to', 'bcc', 'cc', 'resent-bcc', 'resent-cc', 'resent-to', 'to'].map(
    (name) => [name, 'recipient'] as const,
  ),
]);

/**
 * The field with its addresses as `rewrite` gives them; unchanged, octet for octet, if none changes or it has none.
 * `text` is latin1 with LF between its lines. A field with a changed address ends at `limit` tokens.
 */
export function rewriteField(
  text: string,
  rewrite: (address: string, of: AddressClass) => Promise<string>,
  limit?: number,
): string | Promise<string> {
  const of = CLASSES.get(text.slice(0, text.indexOf(':')).toLowerCase());
  return of === undefined ? text : rewritten(text, (address) => rewrite(address, of), limit);
}

async function rewritten(
  text: string,
  rewrite: (address: string) => Promise<string>,
  limit: number | undefined,
): Promise<string> {
  const field = parseAddressField(text, limit);
  const addresses: string[] = [];
  let isChanged = false;
  for (const address of field.addresses) {
    const given = decodeHeaderText(address);
    const result = await rewrite(given);
    isChanged ||= differs(given, result);
    addresses.push(result === given ? address : encodeHeaderText(result).toString('latin1'));
  }
  return isChanged ? field.format(addresses) : text;
}

/** As in Postfix, quotes that a backslash makes necessary change no field by themselves. */
const differs = (given: string, result: string): boolean =>
  given !== result && (given.includes('"') || standardAddress(given) !== result);

/**
 * Non-ASCII addresses when the client did not request SMTPUTF8 (RFC 6531 section 3.4), answered as in Postfix.
 */
import { domainOf } from '../../../mail/address.ts';
import type { Reply } from '../../../mail/status.ts';
import type { ParsedPath } from '../../../protocol/smtp/path.ts';
import { UTF8_UNDECLARED } from '../../../protocol/smtp/replies.ts';

/**
 * The refusal, or undefined: a non-ASCII domain is a syntax error (`refusal`), a non-ASCII local part is accepted
 * unless `strict` (strict_smtputf8).
 */
export function refuseUndeclared(
  path: ParsedPath,
  declared: boolean,
  strict: boolean,
  refusal: Reply,
): Reply | undefined {
  if (!path.unicode || declared) return undefined;
  if (/[^\x00-\x7f]/.test(domainOf(path.address))) return refusal;
  return strict ? UTF8_UNDECLARED : undefined;
}

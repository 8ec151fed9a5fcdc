/** NAMESPACE (RFC 2342): one personal namespace. */
import { HIERARCHY_SEPARATOR } from '../../../mail/mailbox.ts';
import { bare } from '../command.ts';
import { ok } from '../completion.ts';
import type { Authenticated, Selected } from '../state.ts';

export const namespace = bare<Authenticated | Selected>((session) => {
  session.write(`* NAMESPACE (("" "${HIERARCHY_SEPARATOR}")) NIL NIL\r\n`);
  return ok('Namespace completed.');
});

/** CAPABILITY (RFC 9051 section 6.1.1): what the commands bring, and what belongs to none. */
import { SASL_MECHANISMS } from '../../protocol/sasl/table.ts';

/** Said before login too: what a client can use or has to know there. */
const ALWAYS: readonly string[] = ['IMAP4rev1', 'SASL-IR', 'LITERAL+', 'ID', 'ENABLE'];

/** `brought`: by the rows of the command table. */
export const capabilitiesAfterLogin = (brought: Iterable<string>): string =>
  [...new Set([...ALWAYS, ...brought])].join(' ');

export function capabilitiesBeforeLogin({
  startTls,
  login,
}: {
  readonly startTls: boolean;
  readonly login: boolean;
}): string {
  const mechanisms = login ? SASL_MECHANISMS.map(({ name }) => `AUTH=${name}`) : ['LOGINDISABLED'];
  return [...ALWAYS, 'IDLE', ...(startTls ? ['STARTTLS'] : []), ...mechanisms].join(' ');
}

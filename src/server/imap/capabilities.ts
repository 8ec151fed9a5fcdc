/** CAPABILITY (RFC 9051 section 6.1.1): the capabilities of the commands, and those that belong to no command. */
import { SASL_MECHANISMS } from '../../protocol/sasl/table.ts';

/** Also announced before login, where a client needs them. */
const ALWAYS: readonly string[] = ['IMAP4rev1', 'SASL-IR', 'LITERAL+', 'ID', 'ENABLE'];

/** `brought`: the capabilities from the rows of the command table. */
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

/** CAPABILITY (RFC 9051 section 6.1.1): the capabilities of the commands, and those that belong to no command. */
import type { SaslMechanism } from '../../protocol/sasl/mechanism.ts';

/** Also announced before login, where a client needs them. */
const ALWAYS: readonly string[] = ['IMAP4rev1', 'SASL-IR', 'LITERAL+', 'ID', 'ENABLE'];

/** `brought`: the capabilities from the rows of the command table. */
export const capabilitiesAfterLogin = (brought: Iterable<string>): string =>
  [...new Set([...ALWAYS, ...brought])].join(' ');

export function capabilitiesBeforeLogin({
  startTls,
  login,
  mechanisms,
}: {
  readonly startTls: boolean;
  /** A password may be sent. */
  readonly login: boolean;
  /** Those that may be used. */
  readonly mechanisms: readonly Pick<SaslMechanism, 'name'>[];
}): string {
  const usable = mechanisms.map(({ name }) => `AUTH=${name}`);
  const offered = [...(startTls ? ['STARTTLS'] : []), ...(login ? [] : ['LOGINDISABLED']), ...usable];
  return [...ALWAYS, 'IDLE', ...offered].join(' ');
}

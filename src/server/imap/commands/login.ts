/** LOGIN (RFC 9051 section 6.2.3). */
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import { authenticate, refusePlaintext } from '../authenticate.ts';
import type { Command } from '../command.ts';
import type { NotAuthenticated } from '../state.ts';

/** Longest name or password taken, octets: hashing has to stay cheap whatever is sent. */
const MAX_FIELD = 1024;

function field(scanner: Scanner): string {
  scanner.space();
  const octets = scanner.astring();
  return octets.length > MAX_FIELD ? scanner.fail('User name or password too long') : Buffer.from(octets, 'latin1').toString('utf8');
}

export const login: Command<NotAuthenticated> = (scanner) => {
  const user = field(scanner);
  const password = field(scanner);
  scanner.end();
  return (session) => refusePlaintext(session) ?? authenticate(session, 'PLAIN', user, password);
};

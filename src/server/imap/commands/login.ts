/** LOGIN (RFC 9051 section 6.2.3). */
import { authenticate, refusePlaintext } from '../authenticate.ts';
import type { Command } from '../command.ts';
import type { NotAuthenticated } from '../state.ts';

const utf8 = (octets: string): string => Buffer.from(octets, 'latin1').toString('utf8');

export const login: Command<NotAuthenticated> = (scanner) => {
  scanner.space();
  const user = utf8(scanner.astring());
  scanner.space();
  const password = utf8(scanner.astring());
  scanner.end();
  return (session) => refusePlaintext(session) ?? authenticate(session, 'PLAIN', user, password);
};

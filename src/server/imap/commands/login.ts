/** LOGIN (RFC 9051 section 6.2.3). */
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import { decodeLogin, MAX_FIELD, takePassword } from '../../../protocol/sasl/mechanism.ts';
import { passwordClaim } from '../../login/sasl-exchange.ts';
import { takesPasswords } from '../../mailbox-server.ts';
import type { Command } from '../command.ts';
import { authenticate, malformedLogin, refusePlaintext, refuseWithoutCertificate, unsupported } from '../log-in.ts';
import type { NotAuthenticated } from '../state.ts';

function field(scanner: Scanner): Buffer {
  scanner.space();
  const octets = scanner.astring();
  return octets.length > MAX_FIELD ? scanner.fail('User name or password too long') : Buffer.from(octets, 'latin1');
}

export const login: Command<NotAuthenticated> = (scanner) => {
  const user = decodeLogin(field(scanner));
  const password = takePassword(field(scanner));
  scanner.end();
  return (session) => {
    const refused = refusePlaintext(session);
    if (refused !== null) return refused;
    if (!takesPasswords(session.services)) return unsupported(session, 'PLAIN');
    session.login.begin('PLAIN', session.services.clock());
    const missing = refuseWithoutCertificate(session);
    if (missing !== null) return missing;
    return user === null || password === null
      ? malformedLogin(session, 'Authentication failed.')
      : authenticate(session, passwordClaim(user, password));
  };
};

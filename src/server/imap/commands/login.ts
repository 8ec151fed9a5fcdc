/** LOGIN (RFC 9051 section 6.2.3). */
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import { decodeLogin, MAX_FIELD, takePassword } from '../../../protocol/sasl/mechanism.ts';
import type { Command } from '../command.ts';
import { authenticate, malformedLogin, refusePlaintext, refuseWithoutCertificate } from '../log-in.ts';
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
    session.login.begin('PLAIN', session.services.clock());
    const missing = refuseWithoutCertificate(session);
    if (missing !== null) return missing;
    return user === null || password === null
      ? malformedLogin(session, 'Authentication failed.')
      : authenticate(session, { login: user, password });
  };
};

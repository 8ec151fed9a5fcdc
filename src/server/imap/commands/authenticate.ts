/** AUTHENTICATE (RFC 9051 section 6.2.2) with an initial response (RFC 4959). */
import { findMailboxMechanism } from '../../login/client-certificates.ts';
import { runExchange } from '../../login/sasl-exchange.ts';
import type { Command } from '../command.ts';
import { bad, no } from '../completion.ts';
import { authenticate as logIn, malformedLogin, refusePlaintext, refuseWithoutCertificate } from '../log-in.ts';
import type { NotAuthenticated } from '../state.ts';

/** Octets of one response line. */
const MAX_RESPONSE = 8192;

export const authenticate: Command<NotAuthenticated> = (scanner) => {
  scanner.space();
  const name = scanner.keyword('a mechanism');
  const initial = scanner.accept(' ') && !scanner.atEnd ? scanner.text.slice(scanner.position) : null;
  return async (session) => {
    const { login, services } = session;
    const mechanism = findMailboxMechanism(name, services.certificates);
    if (mechanism === undefined) {
      login.begin(name, services.clock());
      login.refused('unsupported');
      return no('Unsupported authentication mechanism.', 'ALERT');
    }
    if (mechanism.plaintext) {
      const refused = refusePlaintext(session);
      if (refused !== null) return refused;
    }
    login.begin(mechanism.name, services.clock());
    const missing = refuseWithoutCertificate(session);
    if (missing !== null) return missing;
    const outcome = await runExchange(mechanism, initial, async (challenge) => {
      session.write(`+ ${challenge}\r\n`);
      return session.input.readLine(MAX_RESPONSE);
    });
    switch (outcome.kind) {
      case 'password':
      case 'external':
        return logIn(session, outcome);
      case 'malformed':
        return malformedLogin(session, `Authentication failed: ${outcome.reason}.`);
      case 'not-base64':
        return bad(`${outcome.reason}.`);
      case 'cancelled':
      case 'gone':
        return bad('Authentication aborted by client.');
    }
  };
};

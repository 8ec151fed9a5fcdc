/** AUTHENTICATE (RFC 9051 section 6.2.2) with an initial response (RFC 4959). */
import { isPlaintext } from '../../../protocol/sasl/mechanism.ts';
import { findMechanism } from '../../../protocol/sasl/table.ts';
import { claimBy } from '../../login/login.ts';
import type { Command } from '../command.ts';
import {
  authenticate as logIn,
  malformedLogin,
  refusePlaintext,
  refuseWithoutCertificate,
  stopped,
  unavailableLogin,
  unsupported,
} from '../log-in.ts';
import type { NotAuthenticated } from '../state.ts';

/** Octets of one response line. */
const MAX_RESPONSE = 8192;

export const authenticate: Command<NotAuthenticated> = (scanner) => {
  scanner.space();
  const name = scanner.keyword('a mechanism');
  const initial = scanner.accept(' ') && !scanner.atEnd ? scanner.text.slice(scanner.position) : null;
  return async (session) => {
    const { login, services } = session;
    const mechanism = findMechanism(name, services.mechanisms);
    if (mechanism === undefined) return unsupported(session, name);
    if (isPlaintext(mechanism)) {
      const refused = refusePlaintext(session);
      if (refused !== null) return refused;
    }
    login.begin(mechanism.name, services.clock());
    const missing = refuseWithoutCertificate(session);
    if (missing !== null) return missing;
    const outcome = await claimBy(session, name, {
      initial,
      ask: (challenge) => {
        session.write(`+ ${challenge}\r\n`);
        return session.input.readLine(MAX_RESPONSE);
      },
    });
    if (outcome === null) return unsupported(session, name);
    switch (outcome.kind) {
      case 'malformed':
        return malformedLogin(session, 'Authentication failed.');
      case 'not-base64':
      case 'cancelled':
      case 'gone':
        return stopped(outcome);
      case 'unavailable':
        return unavailableLogin(session);
      default:
        return logIn(session, outcome);
    }
  };
};

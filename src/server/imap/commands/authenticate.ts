/** AUTHENTICATE (RFC 9051 section 6.2.2) with an initial response (RFC 4959). */
import { decodeResponse } from '../../../protocol/sasl/mechanism.ts';
import { findMechanism } from '../../../protocol/sasl/table.ts';
import { failedLogin, authenticate as logIn, refusePlaintext } from '../authenticate.ts';
import type { Command } from '../command.ts';
import { bad, no } from '../completion.ts';
import type { NotAuthenticated } from '../state.ts';

/** Octets of one response line. */
const MAX_RESPONSE = 8192;

export const authenticate: Command<NotAuthenticated> = (scanner) => {
  scanner.space();
  const name = scanner.keyword('a mechanism');
  const initial = scanner.accept(' ') && !scanner.atEnd ? scanner.text.slice(scanner.position) : null;
  return async (session) => {
    const mechanism = findMechanism(name);
    if (mechanism === undefined) return no('Unsupported authentication mechanism.');
    if (mechanism.plaintext) {
      const refused = refusePlaintext(session);
      if (refused !== null) return refused;
    }
    const exchange = mechanism.begin();
    let line = initial;
    let step = exchange.next(null);
    if (line === null && step.kind === 'challenge') session.write(`+ ${step.data.toString('base64')}\r\n`);
    for (;;) {
      line ??= (await session.connection.readLine(MAX_RESPONSE))?.toString('latin1') ?? '*';
      if (line === '*') return bad('Authentication aborted by client.');
      const response = decodeResponse(line);
      if (response === null) return bad('Invalid base64 data in continued response.');
      step = exchange.next(response);
      if (step.kind === 'malformed') return failedLogin(session, `Authentication failed: ${step.reason}.`);
      if (step.kind === 'password') return logIn(session, mechanism.name, step.login, step.password);
      session.write(`+ ${step.data.toString('base64')}\r\n`);
      line = null;
    }
  };
};

/** CAPABILITY, NOOP, CHECK and LOGOUT (RFC 9051 section 6.1): commands that change nothing. */

import { bare } from '../command.ts';
import { ok } from '../completion.ts';
import type { SessionState } from '../state.ts';

export const capability = bare<SessionState>((session) => {
  session.write(`* CAPABILITY ${session.capabilities()}\r\n`);
  return ok('Capability completed.');
});

/** Changes are reported at the end of every command. */
export const noop = bare<SessionState>(() => ok('NOOP completed.'));

/** Everything is durable already (RFC 3501 section 6.4.1). */
export const check = bare<SessionState>(() => ok('Check completed.'));

export const logout = bare<SessionState>((session) => {
  session.bye('Logging out', 'Logged out');
  return ok('Logout completed.');
});

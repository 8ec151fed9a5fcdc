/** The commands allowed in each state (RFC 1939 sections 4 and 5). */

import { capa, stls } from './capabilities.ts';
import type { CommandTable } from './command.ts';
import { auth, pass, user } from './log-in.ts';
import { retr, top } from './retrieve.ts';
import { dele, list, noop, quit, rset, stat, uidl } from './transaction.ts';

export const COMMANDS: CommandTable = {
  authorization: { USER: user, PASS: pass, AUTH: auth, STLS: stls, CAPA: capa, QUIT: quit },
  transaction: {
    STAT: stat,
    LIST: list,
    RETR: retr,
    DELE: dele,
    NOOP: noop,
    RSET: rset,
    TOP: top,
    UIDL: uidl,
    CAPA: capa,
    QUIT: quit,
  },
};

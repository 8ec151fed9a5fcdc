/** What may be said when: the commands of each state (RFC 1939 sections 4 and 5). */
import { auth, pass, user } from './authenticate.ts';
import { capa, stls } from './capabilities.ts';
import { retr, top } from './retrieve.ts';
import type { Session } from './session.ts';
import { dele, list, noop, quit, rset, stat, uidl } from './transaction.ts';

/** Answers one command. What it throws is a fault of ours. */
export type Handler = (session: Session, argument: string) => void | Promise<void>;

export const COMMANDS: Readonly<Record<Session['state']['kind'], Readonly<Record<string, Handler>>>> = {
  authorization: { USER: user, PASS: pass, AUTH: auth, STLS: stls, CAPA: capa, QUIT: quit },
  transaction: { STAT: stat, LIST: list, RETR: retr, DELE: dele, NOOP: noop, RSET: rset, TOP: top, UIDL: uidl, CAPA: capa, QUIT: quit },
};

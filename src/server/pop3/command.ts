/** The type of a command, and of the command table. */
import type { Session, State } from './session.ts';

/**
 * Answers one command; `argument` is the text after the verb and one space. Anything it throws is an internal error.
 */
export type Command = (session: Session, argument: string) => void | Promise<void>;

/** By state, then by verb in capitals. */
export type CommandTable = Readonly<Record<State['kind'], Readonly<Record<string, Command>>>>;

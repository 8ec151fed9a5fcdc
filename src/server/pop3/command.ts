/** What a command is, and the table of them. */
import type { Session, State } from './session.ts';

/** Answers one command; `argument` is what stands behind the verb and one blank. What it throws is a fault of ours. */
export type Command = (session: Session, argument: string) => void | Promise<void>;

/** By state, then by verb in capitals. */
export type CommandTable = Readonly<Record<State['kind'], Readonly<Record<string, Command>>>>;

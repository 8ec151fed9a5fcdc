/**
 * A command is a function that reads its arguments (and throws ImapSyntaxError before anything is done) and returns the
 * action. The table gives its name, the states in which it is allowed and its effects.
 */
import type { Scanner } from '../../protocol/imap/scanner.ts';
import type { Completion } from './completion.ts';
import type { Session } from './session.ts';
import type { Authenticated, NotAuthenticated, Selected, SessionState } from './state.ts';

export type Act<S> = (session: Session, state: S) => Promise<Completion> | Completion;

/** The scanner is positioned right after the command's name. */
export type Command<S extends SessionState = SessionState> = (scanner: Scanner) => Act<S>;

interface RowBase {
  /** In capitals; for a UID command both words. */
  readonly name: string;
  /** Capabilities that it adds. */
  readonly brings?: readonly string[];
  /**
   * False: EXPUNGE is not reported at its end, because the client may have sent sequence numbers that it would shift
   * (RFC 9051 section 7.5.1). Defaults to true.
   */
  readonly tellsExpunge?: false;
  /** Whether the literal at the end of the text is the message itself, which the action reads from the connection. */
  readonly takesMessage?: (scanner: Scanner) => boolean;
}

/** `allowed` gives the states: `authenticated` includes selected, `always` means any. */
export type CommandRow = RowBase &
  (
    | { readonly allowed: 'always'; readonly command: Command }
    | { readonly allowed: 'not-authenticated'; readonly command: Command<NotAuthenticated> }
    | { readonly allowed: 'authenticated'; readonly command: Command<Authenticated | Selected> }
    | { readonly allowed: 'selected'; readonly command: Command<Selected> }
  );

/** By name. */
export type CommandTable = ReadonlyMap<string, CommandRow>;

const STATES: Readonly<Record<CommandRow['allowed'], readonly SessionState['kind'][]>> = {
  always: ['not-authenticated', 'authenticated', 'selected'],
  'not-authenticated': ['not-authenticated'],
  authenticated: ['authenticated', 'selected'],
  selected: ['selected'],
};

export const isAllowed = (row: CommandRow, state: SessionState): boolean => STATES[row.allowed].includes(state.kind);

/** Reads the arguments; returns the action bound to the state, or null if the state does not allow it. */
export function prepare(
  row: CommandRow,
  scanner: Scanner,
  state: SessionState,
): ((session: Session) => Promise<Completion> | Completion) | null {
  if (row.allowed === 'always') return bind(row.command(scanner), state);
  if (row.allowed === 'not-authenticated')
    return state.kind === 'not-authenticated' ? bind(row.command(scanner), state) : null;
  if (row.allowed === 'selected') return state.kind === 'selected' ? bind(row.command(scanner), state) : null;
  return state.kind === 'authenticated' || state.kind === 'selected' ? bind(row.command(scanner), state) : null;
}

const bind =
  <S extends SessionState>(act: Act<S>, state: S) =>
  (session: Session): Promise<Completion> | Completion =>
    act(session, state);

/** Commands without arguments. */
export const bare =
  <S extends SessionState>(act: Act<S>): Command<S> =>
  (scanner) => {
    scanner.end();
    return act;
  };

/** What an SMTP command is: its run, and when it is allowed. The table of them is commands/table.ts. */
import type { Answer, SmtpSession } from './session.ts';

/** `argument`: what stands behind the verb and one blank. May throw: a fault of ours. */
type Run = (session: SmtpSession, argument: string) => Answer | Promise<Answer>;

export interface Command {
  readonly run: Run;
  /** Allowed in clear text where TLS is required. */
  readonly plainText: boolean;
  /** Does nothing for mail: too many of these count as errors (smtpd_junk_command_limit). */
  readonly junk: boolean;
  /** Where it is a command of one protocol alone (RFC 2033 section 4.1). */
  readonly only?: 'smtp' | 'lmtp';
  /** Must be the last of a pipelined group (RFC 2920 section 3.1). */
  readonly last: boolean;
}

export interface CommandTable {
  /** By verb in capitals. */
  find(verb: string, protocol: 'smtp' | 'lmtp'): Command | undefined;
  /** Answers what is no command of ours. */
  unrecognized(session: SmtpSession, verb: string, argument: string): Answer | Promise<Answer>;
}

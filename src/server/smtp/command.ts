/** The type of an SMTP command: how it runs, and when it is allowed. The table is commands/table.ts. */
import type { Answer, SmtpSession } from './session.ts';

/** `argument`: the text after the verb and one space. May throw: an internal error. */
type Run = (session: SmtpSession, argument: string) => Answer | Promise<Answer>;

export interface Command {
  readonly run: Run;
  /** Allowed in clear text where TLS is required. */
  readonly plainText: boolean;
  /** Does no work for mail: too many of these count as errors (smtpd_junk_command_limit). */
  readonly junk: boolean;
  /** Set if only one protocol has the command (RFC 2033 section 4.1). */
  readonly only?: 'smtp' | 'lmtp';
  /** Must be the last of a pipelined group (RFC 2920 section 3.1). */
  readonly last: boolean;
}

export interface CommandTable {
  /** By verb in capitals. */
  find(verb: string, protocol: 'smtp' | 'lmtp'): Command | undefined;
  /** Answers an unknown command. */
  unrecognized(session: SmtpSession, verb: string, argument: string): Answer | Promise<Answer>;
}

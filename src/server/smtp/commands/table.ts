/** The SMTP commands: a command is a file here and a row; the row says when it is allowed, not ifs elsewhere. */
import type { Answer, SmtpSession } from '../session.ts';
import { auth } from './auth.ts';
import { bdat } from './bdat.ts';
import { data } from './data.ts';
import { etrn } from './etrn.ts';
import { ehlo, helo, lhlo } from './helo.ts';
import { mail } from './mail.ts';
import { rcpt } from './rcpt.ts';
import { noop, quit, rset } from './simple.ts';
import { starttls } from './starttls.ts';
import { vrfy } from './vrfy.ts';

export interface Command {
  /** `argument`: what stands behind the verb and one blank. May throw: a fault of ours. */
  run(session: SmtpSession, argument: string): Answer | Promise<Answer>;
  /** Allowed in clear text where TLS is required. */
  readonly plainText: boolean;
  /** Does nothing for mail: too many of these count as errors (smtpd_junk_command_limit). */
  readonly junk: boolean;
  /** Where it is a command of one protocol alone (RFC 2033 section 4.1). */
  readonly only?: 'smtp' | 'lmtp';
  /** Must be the last of a pipelined group (RFC 2920 section 3.1). */
  readonly last: boolean;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  HELO: { run: helo, plainText: true, junk: true, last: true, only: 'smtp' },
  EHLO: { run: ehlo, plainText: true, junk: true, last: true, only: 'smtp' },
  LHLO: { run: lhlo, plainText: true, junk: true, last: true, only: 'lmtp' },
  STARTTLS: { run: starttls, plainText: true, junk: false, last: true },
  AUTH: { run: auth, plainText: false, junk: false, last: true },
  MAIL: { run: mail, plainText: false, junk: false, last: false },
  RCPT: { run: rcpt, plainText: false, junk: false, last: false },
  DATA: { run: data, plainText: false, junk: false, last: true },
  BDAT: { run: bdat, plainText: false, junk: false, last: false },
  RSET: { run: rset, plainText: false, junk: true, last: false },
  NOOP: { run: noop, plainText: true, junk: true, last: true },
  VRFY: { run: vrfy, plainText: false, junk: true, last: true },
  ETRN: { run: etrn, plainText: false, junk: true, last: true, only: 'smtp' },
  QUIT: { run: quit, plainText: true, junk: false, last: true },
};

/** By verb in capitals. */
export function findCommand(verb: string, protocol: 'smtp' | 'lmtp'): Command | undefined {
  const command = Object.hasOwn(COMMANDS, verb) ? COMMANDS[verb] : undefined;
  return command?.only === undefined || command.only === protocol ? command : undefined;
}

/**
 * The SMTP command table: a command is a file here and a row; the row, not ifs elsewhere, defines when it is allowed.
 */

import { ownValue } from '../../../own-value.ts';
import type { Command, CommandTable } from '../command.ts';
import { auth } from './auth.ts';
import { bdat } from './bdat.ts';
import { data } from './data.ts';
import { etrn } from './etrn.ts';
import { ehlo, helo, lhlo } from './helo.ts';
import { mail } from './mail.ts';
import { rcpt } from './rcpt.ts';
import { noop, quit, rset } from './simple.ts';
import { starttls } from './starttls.ts';
import { unrecognized } from './unrecognized.ts';
import { vrfy } from './vrfy.ts';
import { xclient, xforward } from './xclient.ts';

const ROWS: Readonly<Record<string, Command>> = {
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
  ETRN: { run: etrn, plainText: false, junk: true, last: false, only: 'smtp' },
  XCLIENT: { run: xclient, plainText: false, junk: false, last: true, only: 'smtp' },
  XFORWARD: { run: xforward, plainText: false, junk: false, last: false, only: 'smtp' },
  QUIT: { run: quit, plainText: true, junk: false, last: false },
};

export const COMMANDS: CommandTable = {
  find(verb, protocol) {
    const command = ownValue(ROWS, verb);
    return command?.only === undefined || command.only === protocol ? command : undefined;
  },
  unrecognized,
};

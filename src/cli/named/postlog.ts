/** `postlog` (postlog(1)): lines of a script in the log of the server. Requirement P4. */
import { appendFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';
import { messageOf } from '../../errors.ts';
import { formatLine } from '../../log.ts';
import { type Call, Fatal, isGiven, type NamedCommand, valuesOf } from './command.ts';
import { logFilesOf } from './log-files.ts';

/** Levels of the log, and the word in front of the text. */
const PRIORITIES: Readonly<Record<string, { readonly level: string; readonly word: string }>> = {
  info: { level: 'info', word: '' },
  warn: { level: 'warn', word: 'warning: ' },
  warning: { level: 'warn', word: 'warning: ' },
  error: { level: 'error', word: 'error: ' },
  err: { level: 'error', word: 'error: ' },
  fatal: { level: 'error', word: 'fatal: ' },
  crit: { level: 'error', word: 'fatal: ' },
  panic: { level: 'error', word: 'panic: ' },
};

export const postlog: NamedCommand = {
  letters: 'c:ip:t:v',
  folder: 'c',
  usage: 'postlog [-c config_dir] [-i] [-p priority] [-t tag] [-v] [text...]',
  failure: 1,
  async run(call) {
    const name = valuesOf(call, 'p').at(-1) ?? 'info';
    const priority = PRIORITIES[name];
    if (priority === undefined) throw new Fatal(`bad severity: "${name}"`);
    const write = (text: string): void => append(call, priority.level, `${priority.word}${text}`);
    if (call.operands.length > 0) write(call.operands.join(' '));
    else for await (const line of createInterface({ input: process.stdin })) write(line);
    return 0;
  },
};

/** Octets of a line; the rest is cut off. */
const LONGEST = 2_000;

function append(call: Call, level: string, text: string): void {
  const tag = valuesOf(call, 't').at(-1) ?? 'postfix/postlog';
  const msg = text.slice(0, LONGEST).replaceAll(/[\x00-\x1f\x7f]/g, '?');
  const entry = {
    level,
    time: new Date().toISOString(),
    pid: process.pid,
    host: hostname().split('.', 1)[0],
    process: tag,
    msg,
  };
  const { own, mailLog } = logFilesOf(call.where);
  appendLine(own, JSON.stringify(entry));
  // The text has its word already.
  if (mailLog !== null)
    appendLine(
      mailLog,
      formatLine({ ...entry, time: Date.now(), level: 'info', host: entry.host ?? '', message: msg }),
    );
  if (process.stderr.isTTY) console.error(`${tag}${isGiven(call, 'i') ? `[${process.pid}]` : ''}: ${msg}`);
}

function appendLine(file: string, line: string): void {
  try {
    appendFileSync(file, `${line}\n`, { mode: 0o600 });
  } catch (error) {
    throw new Fatal(`${file}: ${messageOf(error)}`);
  }
}

/** What the end of a command means for the message, with the codes and words of Postfix's pipe(8) and local(8). Pure. */
import { constants } from 'node:os';
import { type Reply, reply } from '../../mail/status.ts';
import type { CommandEnd } from './run-command.ts';

/** sysexits.h: the enhanced code and the words of each. */
const STATUSES: Readonly<Record<number, readonly [enhanced: string, words: string]>> = {
  64: ['5.3.0', 'command line usage error'],
  65: ['5.6.0', 'data format error'],
  66: ['5.3.0', 'cannot open input'],
  67: ['5.1.1', 'user unknown'],
  68: ['5.1.2', 'host name unknown'],
  69: ['5.3.0', 'service unavailable'],
  70: ['5.3.0', 'internal software error'],
  71: ['4.3.0', 'system resource problem'],
  72: ['5.3.0', 'critical OS file missing'],
  73: ['5.2.0', "can't create user output file"],
  74: ['5.3.0', 'input/output error'],
  75: ['4.3.0', 'temporary failure'],
  76: ['5.5.0', 'remote error in protocol'],
  77: ['5.7.0', 'permission denied'],
  78: ['5.3.5', 'local configuration error'],
};

/** Characters of a successful command's output in the log. */
const MOST_SAID = 100;

/** How a delivery agent names things. */
export interface CommandWords {
  /** The command in its failures. */
  readonly command: string;
  /** Of success. `said`: the printable beginning of the output. */
  delivered(said: string): string;
  /** What it prints where the program cannot be started; the reason follows. */
  readonly notStarted: string;
}

/** The reply: 2xx sent, 4xx deferred, 5xx bounced. */
export function replyTo(end: CommandEnd, words: CommandWords): Reply {
  const { command } = words;
  switch (end.kind) {
    case 'no folder':
      return failure('4.3.0', 'temporary failure', '');
    case 'aborted':
      return reply(451, '4.3.0', 'delivery was aborted');
    case 'timeout':
      return failure('5.3.0', `Command time limit exceeded: "${command}"`, '');
    case 'not started':
      return failure('4.3.0', 'temporary failure', `${words.notStarted}: ${end.because}\n`);
    case 'signal':
      return failure('4.3.0', `Command died with signal ${constants.signals[end.signal]}: "${command}"`, end.output);
    case 'exit':
      return end.code === 0
        ? reply(250, '2.0.0', words.delivered(printable(end.output).slice(0, MOST_SAID).trimEnd()))
        : exited(end.code, command, end.output);
  }
}

function exited(code: number, command: string, output: string): Reply {
  // A command may give its own enhanced code.
  const own = /^([245])(\.\d{1,3}\.\d{1,3})\s+(.*)$/s.exec(output);
  if (own !== null) {
    const [, kind = '', detail = '', words = ''] = own;
    return failure(kind === '2' ? '5.0.0' : `${kind}${detail}`, printable(words), '');
  }
  const known = STATUSES[code];
  return known === undefined
    ? failure('5.3.0', `Command died with status ${code}: "${command}"`, output)
    : failure(known[0], known[1], output);
}

const failure = (enhanced: string, words: string, output: string): Reply =>
  reply(
    enhanced.startsWith('4') ? 451 : 554,
    enhanced,
    output === '' ? words : `${words}. Command output: ${printable(output)}`,
  );

const printable = (text: string): string => text.replace(/[\n\t]/g, ' ').replace(/[\0-\x1f\x7f]/g, '_');

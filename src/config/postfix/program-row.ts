/**
 * The arguments of pipe(8) and spawn(8) rows of master.cf: attributes as `user=vmail`, then `argv=` and the command's own
 * words. Faults say what a start cannot take.
 */
import { exportedEnvironment } from '../../lookup/exported-environment.ts';
import { groupContent } from '../../lookup/split-list.ts';
import { findGroup, findUser } from '../../lookup/system-users.ts';
import type { PipeCommand, ProgramCommand } from '../../lookup/transports.ts';
import type { Fault } from '../fault.ts';
import type { MasterRow } from './master-cf.ts';
import type { MainParameters } from './parameters-reader.ts';

const PIPE = ['chroot', 'directory', 'eol', 'flags', 'null_sender', 'size', 'user'];
const SPAWN = ['user'];
const FLAGS = 'BDFORXhqu.>';

interface Attributes {
  readonly values: ReadonlyMap<string, string>;
  readonly argv: readonly string[];
}

type Complain = (message: string) => void;

function attributesOf(row: MasterRow, known: readonly string[], complain: Complain): Attributes {
  const values = new Map<string, string>();
  for (const [i, word] of row.words.entries()) {
    const text = groupContent(word)?.trim() ?? word;
    const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(text) ?? [];
    if (name === 'argv') {
      const argv = [value, ...row.words.slice(i + 1).map((later) => groupContent(later)?.trim() ?? later)];
      return { values, argv: argv.filter((one, at) => at > 0 || one !== '') };
    }
    if (known.includes(name)) values.set(name, value);
    else
      complain(`"${text.slice(0, 60)}": expected one of ${known.map((one) => `${one}=`).join(', ')}, and argv= last`);
  }
  complain(`expected argv= and the command`);
  return { values, argv: [] };
}

/** Who runs the program, and why it cannot be run so. */
function userOf(
  text: string | undefined,
  parameters: MainParameters,
  complain: Complain,
): Pick<ProgramCommand, 'user' | 'obstacle'> {
  if (text === undefined || text === '') {
    complain('expected user= with the user who runs the command');
    return { user: null, obstacle: null };
  }
  const [name = '', groupName] = text.split(':');
  const found = findUser(name);
  const gid = groupName === undefined || groupName === '' ? found?.gid : (findGroup(groupName) ?? undefined);
  if (found === null || gid === undefined) {
    const what = found === null ? `user "${name.slice(0, 40)}"` : `group "${groupName?.slice(0, 40)}"`;
    return { user: null, obstacle: `there is no ${what} on this machine` };
  }
  if (found.uid === 0) complain('a command may not run as root: expected another user=');
  const ours = ownUser(parameters);
  if (ours === found.uid) return { user: null, obstacle: null };
  return ours === 0
    ? { user: { uid: found.uid, gid }, obstacle: null }
    : { user: null, obstacle: `only root may run a command as ${name}, and this server does not run as root` };
}

/** The user that this process will have: root becomes mail_owner. */
function ownUser(parameters: MainParameters): number | undefined {
  const uid = process.getuid?.();
  return uid === 0 && parameters.isSet('mail_owner') ? findUser(parameters.string('mail_owner'))?.uid : uid;
}

function programOf(
  row: MasterRow,
  { values, argv }: Attributes,
  parameters: MainParameters,
  folder: string,
  complain: Complain,
): ProgramCommand {
  return {
    argv,
    ...userOf(values.get('user'), parameters, complain),
    directory: values.get('directory') || folder,
    timeLimit: parameters.untyped.time(`${row.service}_time_limit`),
    environment: exportedEnvironment(parameters),
  };
}

const complainer =
  (row: MasterRow, faults: Fault[]): Complain =>
  (message) =>
    void faults.push({
      file: row.file,
      line: row.line,
      message: `service ${row.service} (${row.command}): ${message}`,
    });

/** `folder`: where commands run that name none. */
export function pipeCommand(row: MasterRow, parameters: MainParameters, folder: string, faults: Fault[]): PipeCommand {
  const complain = complainer(row, faults);
  const attributes = attributesOf(row, PIPE, complain);
  const { values } = attributes;
  const flags = values.get('flags') ?? '';
  for (const flag of flags) if (!FLAGS.includes(flag)) complain(`flags=: "${flag}": expected letters of ${FLAGS}`);
  const size = values.get('size') ?? '0';
  if (!/^\d{1,15}$/.test(size)) complain(`size=${size.slice(0, 40)}: expected a number of octets`);
  if (values.has('chroot'))
    complain(
      'chroot= is not supported: a program is started here in our own root folder; argv= may name one that changes it, such as bwrap(1)',
    );
  return {
    ...programOf(row, attributes, parameters, folder, complain),
    flags: new Set(flags),
    nullSender: values.get('null_sender') ?? 'MAILER-DAEMON',
    sizeLimit: Number(size) || 0,
    lineEnd: unescaped(values.get('eol') ?? '\\n'),
  };
}

export function spawnCommand(
  row: MasterRow,
  parameters: MainParameters,
  folder: string,
  faults: Fault[],
): ProgramCommand {
  const complain = complainer(row, faults);
  return programOf(row, attributesOf(row, SPAWN, complain), parameters, folder, complain);
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** `\n` and `\012`. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{1,3}|.)/gs, (_whole, what: string) =>
    /^[0-7]/.test(what) ? String.fromCharCode(Number.parseInt(what, 8) & 0xff) : (ESCAPES[what] ?? what),
  );

/** Runs a command under its own name: reads its options and turns what it throws into its own words and exit codes. */
import { ownValue } from '../../own-value.ts';
import { getopt, OptionFault } from '../getopt.ts';
import { takePlace } from '../place.ts';
import { type Call, Fatal, type NamedCommand, UsageFault } from './command.ts';
import { namedCommands } from './table.ts';

/** Resolves with the exit code. Rejects like any command of Posthorn where no server or store can be reached. */
export async function runNamed(name: string, words: readonly string[]): Promise<number> {
  const row = namedCommands.get(name);
  if (row === undefined) throw new Error(`no command is named ${name}`);
  const command = await row.load();
  const { rest, place, help } = takePlace(words);
  const usage = `usage: ${command.usage}`;
  if (help) {
    console.log(`${usage}\n\n${row.description}; also --config DIR, --data DIR.`);
    return 0;
  }
  try {
    const { options, operands } = getopt(
      command.read?.(name, rest) ?? shortened(rest, command.long ?? {}),
      command.letters,
    );
    const folder = options.findLast(([letter]) => letter === command.folder)?.[1];
    const call: Call = { name, options, operands, where: place(folder) };
    return await command.run(call);
  } catch (error) {
    if (error instanceof OptionFault || error instanceof UsageFault)
      console.error(complaint(name, command, error instanceof OptionFault ? error : null));
    else if (error instanceof Fatal) {
      console.error(`${error.of?.program ?? name}: fatal: ${error.message}`);
      return error.of?.code ?? command.failure;
    } else throw error;
    return command.failure;
  }
}

/** In the words of Postfix, unless the command has others. */
function complaint(name: string, { usage, complain }: NamedCommand, fault: OptionFault | null): string {
  if (complain !== undefined) return complain(fault);
  const fatal = `${name}: fatal: usage: ${usage}`;
  return fault === null ? fatal : `${name}: ${fault.message}\n${fatal}`;
}

const shortened = (words: readonly string[], long: Readonly<Record<string, string>>): string[] =>
  words.map((word) => ownValue(long, word) ?? word);

/** `posthorn reload` and `stop`: commands to a running server. */
import type { Command } from 'commander';
import { printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { tell } from './tell.ts';

interface ServerCommand {
  readonly name: string;
  readonly description: string;
  readonly say: (result: unknown) => string;
}

const COMMANDS: readonly ServerCommand[] = [
  {
    name: 'reload',
    description: 'reload the configuration without dropping sessions',
    say: (result) => ['Reloaded.', ...(result as { notes: string[] }).notes.map((note) => `- ${note}`)].join('\n'),
  },
  { name: 'stop', description: 'drain and stop the running server', say: () => 'Stopping.' },
];

export function addServerCommands(program: Command): void {
  for (const { name, description, say } of COMMANDS) {
    withPlace(program.command(name).description(description)).action(async (options: PlaceOptions) => {
      const where = place(options);
      const result = await tell(where, `server.${name}`);
      if (where.json) printJson(result);
      else console.log(say(result));
    });
  }
}

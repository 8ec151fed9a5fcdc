/** `posthorn plugin promote` and `rollback`. */
import type { Command } from 'commander';
import { NoServerError } from '../admin/socket.ts';
import { exchange, type VersionChange } from '../app/plugin-versions.ts';
import { ConfigurationError } from '../config/fault.ts';
import { printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { tell } from './tell.ts';

const COMMANDS: Readonly<Record<VersionChange, { readonly description: string; readonly done: string }>> = {
  promote: {
    description: 'use the next version of a plugin (plugins.d/NAME.next) and keep the present one as NAME.before',
    done: 'The next version is used',
  },
  rollback: {
    description:
      'use the version before a promoted one again (plugins.d/NAME.before); the present one becomes NAME.next',
    done: 'The version before is used',
  },
};

export function addVersionCommands(plugin: Command): void {
  for (const change of ['promote', 'rollback'] as const)
    withPlace(plugin.command(`${change} <plugin>`).description(COMMANDS[change].description)).action(
      async (name: string, options: PlaceOptions) => {
        const where = place(options);
        const exchanged = exchange(where.config, name, change);
        const notes = await used(where).catch((error: unknown) => {
          exchanged.undo();
          throw error;
        });
        exchanged.keep();
        if (where.json) printJson({ plugin: name, moves: exchanged.moves, notes });
        else
          console.log(
            [`${COMMANDS[change].done}: ${exchanged.moves.join(', ')}.`, ...notes.map((note) => `- ${note}`)].join(
              '\n',
            ),
          );
      },
    );
}

/** By the running server; without one, it is checked whether a start would take it. */
async function used(where: PlaceOptions): Promise<readonly string[]> {
  try {
    return ((await tell(where, 'server.reload')) as { readonly notes: readonly string[] }).notes;
  } catch (error) {
    if (!(error instanceof Error && error.cause instanceof NoServerError)) throw error;
  }
  const { checkConfiguration } = await import('../app/check.ts');
  const { faults } = await checkConfiguration(where.config, where.data);
  if (faults.length > 0) throw new ConfigurationError(faults);
  return ['no server is running: the next start uses it'];
}
